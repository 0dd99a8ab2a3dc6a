"""The command line: thin functions from files to files."""

import sys


def main() -> None:
    """Entry point of the ``faket`` command."""
    try:
        from faket.cli.app import run  # takes a second, in which it can be interrupted too
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


__all__ = ["main"]
