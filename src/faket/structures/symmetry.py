"""The point group of a set of operators."""

from collections.abc import Sequence

import numpy as np

from faket.data import DoubleArray

_TURN = 0.03  # largest difference between equal matrix entries; chosen: 1 degree and rounding
_SHIFT_A = 2.0  # and between equal translations; chosen: far below the size of a chain
_LARGEST = 60  # operators of an icosahedron: no molecule has more
_CUBIC = {12: "T", 24: "O", 60: "I"}


def point_group(operators: Sequence[DoubleArray]) -> str:
    """Return the Schoenflies symbol of operators (3, 4) that form a point group; "C1" else.

    The operators are taken relative to the first, so that a common frame does not matter. They
    form a point group if the product of any two is one of them.
    """
    count = len(operators)
    if not 1 < count <= _LARGEST:
        return "C1"
    squares = np.array([np.vstack([matrix, [0, 0, 0, 1]]) for matrix in operators])
    relative = squares @ np.linalg.inv(squares[0])
    # [n, 4, 4] → [n, n, 4, 4] → [n², 4, 4]
    products = np.einsum("aij,bjk->abik", relative, relative).reshape(-1, 4, 4)
    difference = np.abs(products[:, None] - relative[None])  # [n², n, 4, 4]
    same = (difference[..., :3].max(axis=(2, 3)) < _TURN) & (
        difference[..., :3, 3].max(axis=2) < _SHIFT_A
    )
    if not same.any(axis=1).all():
        return "C1"
    largest = max(_order(matrix[:3, :3]) for matrix in relative)
    if largest == count:
        return f"C{count}"
    if 2 * largest == count:
        return f"D{count // 2}"
    return _CUBIC.get(count, "C1")


def _order(rotation: DoubleArray) -> int:
    """Return how many times a rotation must be applied to give the identity; 0 for never."""
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    if angle < 1:
        return 1
    multiples = np.arange(1, _LARGEST + 1) * angle
    closed = np.abs((multiples + 180) % 360 - 180) < 2.0  # degrees, of 6 at least
    return int(np.argmax(closed)) + 1 if closed.any() else 0
