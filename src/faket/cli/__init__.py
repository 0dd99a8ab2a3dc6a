"""The command line: thin functions from files to files."""

import os
import sys


def main() -> None:
    """Entry point of the ``faket`` command.

    Linear algebra runs in one thread: the matrices of faket are small, and threads that wait for
    each other took twenty times as long on cores that other programs use. Sums no longer depend on
    the number of cores. Kernels, Fourier transforms and networks have threads of their own.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported
    try:
        from faket.cli.app import run  # takes a second, in which it can be interrupted too
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


__all__ = ["main"]
