"""What a source tells of its classes, under the names to be written."""

from dataclasses import replace
from pathlib import Path

import pytest

from faket.exchange.source import SourceTomogram
from faket.vocabulary import is_membrane, is_molecule


@pytest.mark.parametrize(
    ("name", "molecule", "membrane"),
    [
        ("ring", True, False),
        ("fiducial", False, False),
        ("gold", False, False),
        ("vesicle", False, True),
        ("membrane", False, True),
        ("membrane:er", False, True),
        ("membrane-er", True, False),
    ],
)
def test_classes_are_of_molecules_membranes_or_fiducials(name, molecule, membrane):
    assert (is_molecule(name), is_membrane(name)) == (molecule, membrane)


def test_a_membrane_that_is_renamed_stays_one():
    tomogram = SourceTomogram(
        "a", Path("a"), Path("a/a.mrc"), 10.0, (4, 4, 4),
        classes={1: "ring", 2: "membrane-er", 3: "fiducial"},
        renames={"membrane:er": "membrane-er", "rod": "ring"},
    )  # fmt: skip
    assert tomogram.holds_membranes("membrane-er")
    assert not tomogram.holds_molecules("membrane-er")
    assert tomogram.holds_molecules("ring")
    assert not tomogram.holds_membranes("ring")
    assert not tomogram.holds_molecules("fiducial")
    called = replace(tomogram, classes={1: "membrane"}, renames={"ring": "membrane"})
    assert called.holds_membranes("membrane")
    assert not called.holds_molecules("membrane")
