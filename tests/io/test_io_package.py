"""The package is light to import and offers what it lists."""

import subprocess
import sys

import pytest

import faket
from faket import io
from faket.io.molecules import load_species


def test_importing_the_package_loads_no_library() -> None:
    heavy = "{'numpy', 'scipy', 'torch', 'mrcfile'}"
    code = f"import sys, faket, faket.io; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_package_offers_its_door() -> None:
    assert faket.load_species is load_species
    with pytest.raises(AttributeError, match="no attribute 'load_everything'"):
        _ = faket.load_everything


def test_every_listed_name_is_there() -> None:
    assert sorted(io._HOME) == io.__all__
    for name in io.__all__:
        assert getattr(io, name).__module__.startswith("faket.io.")
    with pytest.raises(AttributeError, match="no attribute 'read_everything'"):
        _ = io.read_everything
