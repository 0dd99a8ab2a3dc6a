"""Pickers applied to folders: labelled data, training, picking, template matching."""
