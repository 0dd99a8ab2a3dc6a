"""Kernels compile wherever faket is installed, with a cache or without."""

import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import caching

import faket
from faket import compiling

# Permissions do not bind a superuser, so the places for a cache are taken away instead.
NO_CACHE = "import numba.core.caching as c; c.CacheImpl._locator_classes = [];"


def test_a_kernel_works_without_a_cache_and_gives_one_notice(monkeypatch, caplog):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    monkeypatch.setattr(compiling, "_noticed", False)
    doubled, halved = (compiling.kernel()(f) for f in (lambda x: 2 * x, lambda x: x / 2))
    assert doubled(3) == 6
    assert halved(3) == 1.5
    assert len(caplog.messages) == 1
    assert "NUMBA_CACHE_DIR" in caplog.messages[0]


def test_other_mistakes_of_a_kernel_are_not_swallowed(monkeypatch):
    def broken(*_):
        raise RuntimeError("something else")

    monkeypatch.setattr(caching.CacheImpl, "__init__", broken)
    with pytest.raises(RuntimeError, match="something else"):
        compiling.kernel()(lambda x: x)


def test_no_kernel_asks_numba_for_a_cache_by_itself():
    sources = Path(faket.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "cache=True" in path.read_text()] == ["compiling.py"]


def test_kernels_can_be_imported_without_a_cache():
    command = [sys.executable, "-c", NO_CACHE + "import faket.specimen.shells"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("faket: ")
