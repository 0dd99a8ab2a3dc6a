"""The same lists as in ``readers.em``, by another reader."""

from readers._cryocat import reader

FORMAT, READER = "em", "cryoCAT"

read = reader("emmotl", "{name}.em")
