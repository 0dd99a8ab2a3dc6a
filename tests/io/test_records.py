"""Records in JSON, whatever numpy calls an array of numbers."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypeVar

from faket.errors import InputError
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


@dataclass(frozen=True)
class Renamed:
    new: float = field(metadata={"formerly": "old"})
    other: float


def read(text):
    return parse_record(text, Renamed, "a.json", what="a record", remedy="make it again")


@pytest.mark.parametrize("name", ["new", "old"])
def test_a_renamed_entry_is_read_by_both_names(name):
    assert read(f'{{"{name}": 1.5, "other": 2.5}}') == Renamed(1.5, 2.5)


@pytest.mark.parametrize(
    ("text", "word"),
    [('{"other": 2.5}', "no entry new"), ('{"new": 1, "old": 2, "other": 3}', "unknown entry old"),
     ('{"old": "x", "other": 3}', "old")],
)  # fmt: skip
def test_a_renamed_entry_is_still_required_once_and_checked(text, word):
    with pytest.raises(InputError, match=word):
        read(text)
