"""Records in JSON, whatever numpy calls an array of numbers."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from typing_extensions import TypeAliasType, TypeVar

from faket.data import DoubleArray
from faket.errors import InputError
from faket.io.records import parse_record, read_record, write_record

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


@dataclass(frozen=True)
class Inner:
    values: DoubleArray
    pair: tuple[float, float]


@dataclass(frozen=True)
class Outer:
    name: str
    inner: dict[str, Inner]
    whole: int | None = None


def test_what_is_written_is_read_back_in_the_order_of_the_fields(tmp_path):
    inner = Inner(np.array([[1.5, 2.0], [0.1, -3.0]]), (0.1, 1e-300))
    write_record(tmp_path / "a.json", Outer("ä", {"7": inner}))
    text = (tmp_path / "a.json").read_text()
    assert [text.index(f'"{name}"') for name in ("name", "inner", "values", "pair", "whole")] == (
        sorted(text.index(f'"{name}"') for name in ("name", "inner", "values", "pair", "whole"))
    )
    again = read_record(tmp_path / "a.json", Outer, what="a record", remedy="make it again")
    assert (again.name, again.whole, again.inner["7"].pair) == ("ä", None, inner.pair)
    np.testing.assert_array_equal(again.inner["7"].values, inner.values)


def test_numbers_that_reading_would_refuse_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_record(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())
