"""How work that takes long tells its caller how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # done, in all
Report = Callable[[str, int, int], None]  # what is being done, done, in all
