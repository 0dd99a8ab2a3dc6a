"""The same lists as in ``readers.dynamo``, by another reader."""

from readers._cryocat import reader

FORMAT, READER = "dynamo", "cryoCAT"

read = reader("dynamo", "{name}.tbl")
