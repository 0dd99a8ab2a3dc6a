"""Reports: one HTML page to look at a data set, a study or picks, without a server."""
