"""The exception for input that cannot be used."""


class InputError(ValueError):
    """Input from the user cannot be used.

    The message is one line: what was expected, what was found, where, and what to do.
    The command line prints it and exits with code 2; a traceback means a defect in faket.

    A setting is named in backticks, as in the library or the recipe:
    ``"...; correct the header, or give `voxel_size_A`"``. The command line replaces it by its own
    option, and leaves the remedy out if it has no such option (:mod:`faket.cli.wording`).
    """


class SetAsideError(RuntimeError):
    """Parts of a data set were set aside for an unexpected error, a defect of faket.

    The message is one line; the first such error is its cause. The command line prints the line and
    exits with code 1.
    """


class DiskFullError(InputError):
    """There is no room on a disk: no part's fault, so that nothing else is tried."""


class UnfitMachineError(InputError):
    """A machine lacks something that the one has on which the command runs.

    Attributes
    ----------
    worker : str
        The process, where an executor knows it; it is given nothing more.
    """

    worker = ""
