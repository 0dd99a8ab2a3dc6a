"""The formats of other programs: a module each, named in :mod:`faket.exchange.table`."""
