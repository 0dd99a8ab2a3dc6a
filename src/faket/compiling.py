"""Compiled kernels, cached on disk between runs if possible."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

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


class _Unlocked:
    """The memory of a read-only array, for numpy, as if it might be written."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.__array_interface__ = {
            **array.__array_interface__, "data": (array.ctypes.data, False)
        }  # fmt: skip
        self._array = array  # must live as long


def as_compiled_for(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only array as kernels take it, which must not write to it.

    numba would compile each kernel anew for read-only arrays, such as maps of files.
    """
    return array if array.flags.writeable else np.asarray(_Unlocked(array))


def _notice_once() -> None:
    global _noticed
    if not _noticed:
        # Without a handler, logging writes the bare line to the error stream.
        _LOG.warning(
            "faket: found no writable folder for compiled kernels, so every run compiles them "
            "again for a minute; set NUMBA_CACHE_DIR to a folder that you may write to"
        )
    _noticed = True
