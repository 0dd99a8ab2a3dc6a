"""What an interrupted transfer needs to go on with the same bytes."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from faket.data import AnyArray, FloatArray
from faket.errors import InputError

_RUNNING = ("image", "moments", "average")


@dataclass(frozen=True, eq=False)
class TransferState:
    """Where a transfer stands after an iteration of a tilt.

    The arrays are those that the transfer works on: save or copy them before it goes on.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of everything that the result depends on.
    finished : ndarray, shape (tilts done, y, x), float32
        The styled tilts.
    iteration : int
        Iterations done of the next tilt; 0 where it has not begun.
    image : ndarray, shape (channels, y, x), or None
        Its last iterate, in [0, 1].
    moments : ndarray, shape (moments, channels, y, x), or None
        What the update rule remembers.
    average : ndarray, shape (y, x), float32, or None
        The weighted sum of its iterates.
    """

    fingerprint: str
    finished: FloatArray
    iteration: int = 0
    image: AnyArray | None = None
    moments: AnyArray | None = None
    average: FloatArray | None = None

    def to_arrays(self) -> dict[str, AnyArray]:
        """Return all arrays by name; ``fingerprint`` is to be kept beside."""
        running = {name: getattr(self, name) for name in _RUNNING}
        arrays = {"finished": self.finished, "iteration": np.array(self.iteration)}
        return arrays | {name: array for name, array in running.items() if array is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, AnyArray], *, fingerprint: str) -> "TransferState":
        """Return the state whose arrays :meth:`to_arrays` gave.

        Raises
        ------
        InputError
            If an array is missing.
        """
        stored = arrays.get("iteration")
        whole = stored is not None and stored.ndim == 0 and stored.dtype.kind in "iu"
        iteration = int(stored) if stored is not None and whole else -1
        needed = {"finished", *(_RUNNING if iteration > 0 else ())}
        if iteration < 0 or not needed <= set(arrays):
            raise InputError(
                f"transfer state: expected the arrays {sorted(needed | {'iteration'})}, found "
                f"{sorted(arrays)}; begin the transfer anew"
            )
        running = {name: arrays[name] for name in _RUNNING if name in needed}
        return TransferState(fingerprint, arrays["finished"], iteration, **running)


def fingerprint(arrays: Iterable[AnyArray], *settings: object) -> str:
    """Return the SHA-256 of arrays, their shapes and types, and settings."""
    digest = hashlib.sha256(repr(settings).encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        for part in array if array.ndim == 3 else (array,):  # a memory map, image by image
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()
