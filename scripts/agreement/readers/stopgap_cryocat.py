"""The same lists as in ``readers.stopgap``, by another reader."""

from readers._cryocat import reader

FORMAT, READER = "stopgap", "cryoCAT"

read = reader("stopgap", "{name}.star")
