"""Labelled tomograms and picks in the formats of other programs."""
