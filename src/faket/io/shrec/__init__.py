"""The layout of the SHREC'21 data set: folders, particle table, alignment."""
