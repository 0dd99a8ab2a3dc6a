"""The one exception that a user's input may raise."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line: what was expected, what was found, where, and what to do.
    The command line prints it and exits with code 2; a traceback means a defect in faket.

    A setting is named in backticks, as the library or the recipe calls it:
    ``"...; correct the header, or give `voxel_size_A`"``. The command line puts its own option in
    that place, and leaves the remedy out where it has none (:mod:`faket.cli.wording`).
    """
