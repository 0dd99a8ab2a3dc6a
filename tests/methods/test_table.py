"""Every row of the table of methods."""

from typing import get_args

import pytest

from faket.errors import InputError
from faket.methods.table import METHODS, MethodName, method_row

ROWS = {
    "spectral": ("spectral", None),
    "style": ("spectral", "texture"),
    "coloured": ("coloured", None),
    "noisy": ("noisy", None),
    "baseline": ("baseline", None),
    "faket": ("noisy", "vgg19"),
    "faket-random": ("noisy", "vgg19-random"),
    "benchmark": (None, None),
    "noiseless": (None, None),
}


def test_every_method_has_one_row():
    assert set(get_args(MethodName)) == set(METHODS) == set(ROWS)
    assert {name: (row.start, row.network) for name, row in METHODS.items()} == ROWS
    assert [name for name, row in METHODS.items() if not row.needs_reference] == [
        "benchmark",
        "noiseless",
    ]
    assert [name for name, row in METHODS.items() if row.needs_spectra] == ["spectral", "style"]
    assert [name for name, row in METHODS.items() if not row.has_intensity] == ["noiseless"]


def test_only_style_leaves_its_parts_to_the_user():
    row = method_row("style", start="noisy", network="vgg19")
    assert (row.start, row.network, row.needs_spectra) == ("noisy", "vgg19", False)
    assert method_row("faket", start="spectral", network="texture") == METHODS["faket"]
    with pytest.raises(InputError, match="expected one of spectral, style"):
        method_row("fakte")
