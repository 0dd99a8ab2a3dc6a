"""Records in JSON, whatever numpy calls an array of numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypeVar

from faket.io.records import parse_record

Number = TypeVar("Number", bound=np.generic)
# As numpy 2.5 and later has it.
Named = TypeAliasType("Named", np.ndarray[tuple[int, ...], np.dtype[Number]], type_params=(Number,))


@dataclass(frozen=True)
class Measured:
    plain: NDArray[np.float64]
    named: Named[np.float64]


def test_arrays_are_read_by_either_name():
    text = '{"plain": [1, 2.5], "named": [[3, 4]]}'
    found = parse_record(text, Measured, "a.json", what="a record", remedy="make it again")
    np.testing.assert_array_equal(found.plain, [1, 2.5])
    np.testing.assert_array_equal(found.named, [[3, 4]])
