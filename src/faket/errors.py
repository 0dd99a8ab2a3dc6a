"""The one exception that a user's input may raise."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line: what was expected, what was found, where, and what to do.
    The command line prints it and exits with code 2; a traceback means a defect in faket.
    """
