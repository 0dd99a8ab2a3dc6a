"""The order of methods by two pickers."""

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "order_of_methods.py"
table = runpy.run_path(str(SCRIPT))["table"]

ONE = {"benchmark": 0.9, "spectral": 0.8, "noisy": 0.4, "tm": 0.5}


def test_places_and_the_pairs_whose_order_differs_are_named():
    lines = table({"a": ONE, "b": {"benchmark": 0.7, "spectral": 0.75, "noisy": 0.3}})
    assert "| benchmark | 0.900 (1) | 0.700 (2) |" in lines
    assert not any("tm" in line for line in lines)
    assert lines[-1] == "The order differs: benchmark less spectral: a +0.100, b -0.050."


def test_the_same_order_is_said():
    assert table({"a": ONE, "b": ONE})[-1] == "The order is the same."
