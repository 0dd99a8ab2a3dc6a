"""Pickers at work on folders: labelled data, trainings, picking, template matching."""
