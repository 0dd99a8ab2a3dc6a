"""Outputs that are closed, full or no longer read; inputs without an end."""

import io
import sys

import pytest

from faket.cli.app import run
from faket.cli.streams import BROKEN_PIPE


@pytest.mark.parametrize("closed", [["stdout"], ["stderr"], ["stdout", "stderr"]])
def test_closed_streams_are_no_defect(monkeypatch, closed):
    for name in closed:  # what Python makes of `>&-` and `2>&-`
        monkeypatch.setattr(sys, name, None)
    assert run(["simulate", "--example"]) == 0
    assert run(["simulate"]) == 2
    for name in closed:
        getattr(sys, name).close()


class Gone(io.StringIO):
    """A reader that has gone away, or a disk that is full."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def flush(self):
        if self.error:
            error, self.error = self.error, None
            raise error


def test_a_reader_that_stops_reading_is_no_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Gone(BrokenPipeError()))
    assert run(["simulate", "--example"]) == BROKEN_PIPE
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Gone(OSError(28, "No space left on device")))
    assert run(["simulate", "--example"]) == 2
    assert capsys.readouterr().err == "faket: No space left on device\n"


def test_recipes_are_read_with_a_bound(tmp_path, capsys):
    huge = tmp_path / "huge.toml"
    with open(huge, "wb") as stream:
        stream.truncate(10**9)  # sparse
    for path in (huge, "/dev/zero", "~nosuchuser/recipe.toml"):
        assert run(["simulate", str(path), str(tmp_path / "out")]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()
