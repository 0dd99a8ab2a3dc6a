"""The ``texture`` network and its method of style transfer."""
