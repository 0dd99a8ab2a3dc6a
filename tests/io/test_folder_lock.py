"""One run a folder: the second is refused, and a killed one blocks nobody."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faket.errors import InputError
from faket.io.folder_lock import folder_lock

HOLD = """
import sys, time
from faket.io.folder_lock import folder_lock
with folder_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match=f"found process {holder.pid} on .*, since") as caught,
            folder_lock(out),
        ):
            raise AssertionError("both are in")
        assert "\n" not in str(caught.value)
        with folder_lock(out, name="other"), folder_lock(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    (out / ".part-0a1b2c3d-x").write_text("of the killed one")
    with folder_lock(out):
        assert [path.name for path in out.iterdir()] == [".run.faket-lock"]
        (out / "result").write_text("")
    assert [path.name for path in out.iterdir()] == ["result"]


def test_a_run_that_leaves_nothing_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), folder_lock(tmp_path / "a" / "b"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with folder_lock(tmp_path / "a"):  # the user's, and empty
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_lock_that_was_just_given_up_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the holder before removes the file: a lock on it is no lock."""
    lock, lost = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        if not lost:
            lost.append(descriptor)
            (tmp_path / ".run.faket-lock").unlink()

    monkeypatch.setattr(fcntl, "flock", late)
    with (
        folder_lock(tmp_path),
        pytest.raises(InputError, match=f"process {os.getpid()}"),
        folder_lock(tmp_path),
    ):
        pass


def test_without_locks_a_run_goes_on_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    said: list[str] = []
    (tmp_path / ".part-0a1b2c3d-x").write_text("perhaps of a living run")
    with folder_lock(tmp_path, notice=said.append):
        assert (tmp_path / ".part-0a1b2c3d-x").exists()
    assert len(said) == 1
    assert "no locks" in said[0]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), folder_lock(tmp_path / "file" / "x"):
        pass
