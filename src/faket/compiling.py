"""Compiled kernels, cached on disk between runs if possible."""

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

_LOG = logging.getLogger("faket")
_noticed = False


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function on its first call, and cache the result on disk if possible.

    numba raises an error if neither the source's folder, nor the home, nor ``$NUMBA_CACHE_DIR`` is
    writable, as in a read-only installation of a user without a home. Then every run compiles
    anew, which is slow at the start but correct; a notice tells the user.

    Parameters
    ----------
    **options
        Passed to ``numba.njit``.

    Returns
    -------
    callable
        A decorator.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            _notice_once()
            return njit(**options)(function)

    return compiled


def _notice_once() -> None:
    global _noticed
    if not _noticed:
        # Without a handler, logging writes the bare line to the error stream.
        _LOG.warning(
            "faket: found no writable folder for compiled kernels, so every run compiles them "
            "again for a minute; set NUMBA_CACHE_DIR to a folder that you may write to"
        )
    _noticed = True
