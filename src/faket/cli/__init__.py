"""The command line: thin functions from files to files."""

from faket.cli.app import main

__all__ = ["main"]
