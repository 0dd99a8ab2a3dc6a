"""The `make` lines of README.md and docs/first-hour.md, with programs that only say their name."""

import os
import shutil
import subprocess

import pytest

from doc_blocks import ROOT, blocks

PROGRAMS = ("python", "pip", "faket", "pytest", "mkdocs", "activate")
# What is installed, in this order, and then run; each line begins with the program.
BASE = [
    "pip install --quiet --constraint constraints.txt torch",
    "pip install --quiet --constraint constraints.txt --editable .",
]
DEMO = [*BASE, "faket demo demo"]
TESTS = ["pip install --quiet --constraint constraints.txt --editable .[dev]", "pytest -n 2"]
SITE = ["pip install --quiet --constraint constraints.txt --editable .[docs]", "mkdocs build"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [("README.md", [*DEMO, *TESTS, *SITE]), ("docs/first-hour.md", DEMO)],
)
def test_make_installs_once_and_runs(page, expected, tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> "$LOG"\n')
        (programs / name).chmod(0o755)
    (tmp_path / "demo").mkdir()  # of a demo before this one
    block = next(b for b in blocks("sh") if b.page == page and "make demo" in b.code)
    log = tmp_path / "log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    subprocess.run(
        ["bash", "-ec", block.code], cwd=tmp_path, check=True, env={**environment, "LOG": str(log)}
    )
    done = [line for line in log.read_text().splitlines() if not line.startswith("activate")]
    assert len(done) == len(expected)
    for line, begin in zip(done, expected, strict=True):
        assert line.startswith(begin)
    assert not (tmp_path / "demo").exists()
