"""FakET's style transfer through VGG19, in tiles."""
