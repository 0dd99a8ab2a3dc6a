"""``python -m faket``: the command ``faket``."""

from faket.cli import main

main()
