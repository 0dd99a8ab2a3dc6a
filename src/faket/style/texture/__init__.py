"""The ``texture`` network and its own way of giving a style."""
