"""Signals that ask the program to end: each ends it as Ctrl-C does, with its own exit code."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONE_WISH_S = 3.0  # chosen, because `timeout`, terminals and batch systems send it twice at once


class Stopped(KeyboardInterrupt):
    """The program was asked to end; carries the number of the signal."""

    def __init__(self, number: int) -> None:
        """Remember the signal."""
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return what shells expect of a program that a signal has ended."""
    return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)


@contextmanager
def stopping() -> Iterator[None]:
    """Turn the signals into :class:`Stopped`; those that are ignored (``nohup``) stay so.

    Repeated at once, a signal does not interrupt the tidying up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last = -_ONE_WISH_S

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _ONE_WISH_S:
            last = time.monotonic()
            raise Stopped(number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
