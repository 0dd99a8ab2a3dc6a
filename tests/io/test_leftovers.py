"""What killed processes leave is known, counts as nothing and is removed; what lives is kept."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faket.io.atomic import atomic_folder, atomic_path
from faket.io.leftovers import holds_nothing, is_temporary, remove_leftovers, temporary_name


def written_by(code: str, folder: Path) -> str:
    """Return the temporary name that a process, dead by now, has given."""
    program = f"from faket.io.leftovers import temporary_name; print(temporary_name({code!r}))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    (folder / made.strip()).write_text("half")
    return made.strip()


@pytest.mark.parametrize("name", ["a.mrc", "é" * 127, "n" * 255, ".part-x", "a-b c"])
def test_a_temporary_name_ends_like_the_true_one_and_fits(name: str) -> None:
    made = temporary_name(name)
    assert is_temporary(Path(made))
    assert len(os.fsencode(made)) <= 255
    assert made.endswith(name[-50:])
    assert made != temporary_name(name)


def test_what_the_dead_have_left_is_nothing_and_goes_what_lives_stays(tmp_path: Path) -> None:
    dead = written_by("a", tmp_path)
    (tmp_path / ".part-0a1b2c3d-recipe.json").write_text("by an earlier version")
    assert holds_nothing(tmp_path)
    mine = tmp_path / temporary_name("b")
    mine.mkdir()
    assert not holds_nothing(tmp_path)
    (tmp_path / ".part-of-my-thesis").write_text("mine")
    remove_leftovers(tmp_path)
    assert not (tmp_path / dead).exists()
    assert (tmp_path / ".part-0a1b2c3d-recipe.json").exists()  # whose it is, is not known
    remove_leftovers(tmp_path, alone=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([mine.name, ".part-of-my-thesis"])


def test_what_nobody_claims_goes_after_a_week(tmp_path: Path) -> None:
    old, new = tmp_path / ".part-00000000-a", tmp_path / ".part-00000001-a"
    old.mkdir()
    new.mkdir()
    os.utime(old, (time.time() - 8 * 86400,) * 2)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [new.name]


def test_another_process_with_the_same_number_is_not_the_writer(tmp_path: Path) -> None:
    """Numbers come again, in containers at once: when the process began tells them apart."""
    owner, rest = temporary_name("a").rsplit(".", 1)
    start, _, rest = rest.partition("-")
    (tmp_path / f"{owner}.{int(start) + 1}-{rest}").write_text("")
    assert holds_nothing(tmp_path)


def test_writers_remove_what_was_left_of_the_same_file(tmp_path: Path) -> None:
    written_by("a", tmp_path)
    other = written_by("b", tmp_path)
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [other, "a"]
    with atomic_folder(tmp_path / "b"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_of_leftovers_is_free(tmp_path: Path) -> None:
    written_by("a", tmp_path)
    with atomic_folder(tmp_path) as temporary:
        (temporary / "x").write_text("1")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("days", [-30, 30])
def test_a_clock_that_is_off_removes_nothing_of_another_machine(tmp_path, monkeypatch, days):
    """Dates of files are those of the drive, which all machines share."""
    theirs, left = tmp_path / ".part-00000000.1.1-00000000-a", tmp_path / ".part-00000001-b"
    theirs.mkdir()
    left.mkdir()
    os.utime(left, (time.time() - 8 * 86400,) * 2)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + days * 86400)
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [theirs.name]
