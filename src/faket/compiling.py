"""Compiled kernels, kept on disk between runs wherever there is a place for them."""

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

_LOG = logging.getLogger("faket")
_said = False


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function on its first call, and cache what was compiled if that is possible.

    numba refuses to cache where neither the source's folder, nor the home, nor
    ``$NUMBA_CACHE_DIR`` may be written: a read-only installation of a user without a home. Then
    every run compiles anew, which is slow at the start and right in the end; a notice says so.

    Parameters
    ----------
    **options
        As of ``numba.njit``.

    Returns
    -------
    callable
        Decorates the function.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            _say_once()
            return njit(**options)(function)

    return compiled


def _say_once() -> None:
    global _said
    if not _said:
        # Without a handler, logging writes the bare line to the error stream.
        _LOG.warning(
            "faket: no folder to keep compiled kernels in may be written, so every run compiles "
            "them for a minute; set NUMBA_CACHE_DIR to a folder that you may write"
        )
    _said = True
