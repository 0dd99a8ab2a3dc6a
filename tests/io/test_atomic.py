"""Nothing half-written: whatever happens, the target is either the old or the new one, whole."""

import errno
import os
import resource
import threading
from pathlib import Path

import pytest

from faket.errors import InputError
from faket.io.atomic import atomic_folder, atomic_path, require_space


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def write_then_raise(file: Path, error: BaseException) -> None:
    file.write_text("ne")
    raise error


def test_a_file_appears_under_its_name_with_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.npy"
    with atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".npy"
        temporary.write_text("whole")
        assert not target.exists()
    plain = tmp_path / "plain"
    plain.write_text("")
    assert contents(target.parent) == {"a.npy": "whole"}
    assert target.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, InputError, MemoryError])
def test_an_interrupted_file_leaves_the_old_one(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(interruption), atomic_path(tmp_path / "a") as temporary:
        write_then_raise(temporary, interruption())
    assert contents(tmp_path) == {"a": "old"}


def test_a_real_failure_of_the_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with (
            pytest.raises(InputError, match=r"a\.bin: cannot be written: .*choose another folder"),
            atomic_path(tmp_path / "a.bin") as temporary,
        ):
            temporary.write_bytes(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full, and no unfinished file was left; free space"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
    ],
)
def test_failures_at_the_last_step_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match=words) as caught, atomic_path(tmp_path / "a") as temporary:
        temporary.write_text("x")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=words), atomic_folder(tmp_path / "b") as temporary:
        (temporary / "x").write_text("x")
    assert contents(tmp_path) == {}


def test_errors_of_files_that_the_body_reads_are_not_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        (tmp_path / "other" / "input").read_text()
    with pytest.raises(RuntimeError, match="nothing was written"), atomic_path(tmp_path / "a"):
        pass


@pytest.mark.parametrize(
    "name", ["folder", "file/below", "n" * 300, "nul\0", "folder/../folder", "x/" + "n" * 256]
)
def test_unusable_names_are_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught, atomic_path(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert "\n" not in str(caught.value)
    if "folder" not in name:
        with pytest.raises(InputError), atomic_folder(tmp_path / name):
            pass
    assert set(contents(tmp_path)) == {"file"}


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a", "new/b", "empty"):
        with atomic_folder(tmp_path / name) as temporary:
            (temporary / "sub").mkdir()
            (temporary / "sub" / "x").write_text("1")
            assert not (tmp_path / name / "sub").exists()
        assert contents(tmp_path / name) == {"sub/x": "1"}
    assert not list(tmp_path.glob(".part*"))


def test_an_existing_folder_is_kept_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("old")
    with (
        pytest.raises(InputError, match="a new or empty folder"),
        atomic_folder(tmp_path / "a"),
    ):
        raise AssertionError("the body must not run")
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "a", overwrite=True) as new:
        write_then_raise(new / "y", KeyboardInterrupt())
    assert contents(tmp_path) == {"a/x": "old"}
    with atomic_folder(tmp_path / "a", overwrite=True) as new:
        (new / "y").write_text("new")
    assert contents(tmp_path) == {"a/y": "new"}


def test_a_folder_that_another_process_made_meanwhile_is_kept(tmp_path: Path) -> None:
    def theirs() -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "x").write_text("theirs")

    with (
        pytest.raises(InputError, match="a new or empty folder"),
        atomic_folder(tmp_path / "a"),
    ):
        theirs()
    assert contents(tmp_path) == {"a/x": "theirs"}


def test_a_failed_swap_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("old")
    calls = []
    true_replace = os.replace

    def replace(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(errno.EIO, "broken")
        true_replace(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with (
        pytest.raises(InputError, match="cannot be written"),
        atomic_folder(tmp_path / "a", overwrite=True) as new,
    ):
        (new / "y").write_text("new")
    assert contents(tmp_path) == {"a/x": "old"}


def test_home_current_and_root_folder_are_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "me").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    monkeypatch.chdir(tmp_path / "home")
    for name in (tmp_path / "home", "."):
        with (
            pytest.raises(InputError, match="home or current"),
            atomic_folder(name, overwrite=True),
        ):
            pass
    with pytest.raises(InputError, match="root folder"), atomic_folder("/", overwrite=True):
        pass
    (tmp_path / "f").write_text("")
    with (
        pytest.raises(InputError, match="found a file"),
        atomic_folder(tmp_path / "f", overwrite=True),
    ):
        pass


def test_space_is_asked_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(InputError, match=r"expected 1000000000\.0 GB .* found .* GB; free space"):
        require_space(tmp_path / "not" / "yet", 10**18)


def test_a_pipe_or_device_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with (
            pytest.raises(InputError, match="plain file"),
            atomic_path(tmp_path / name) as temporary,
        ):
            temporary.write_text("lost")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_that_many_write_at_once_is_always_whole(tmp_path):
    """As a tomogram that two tasks make by accident: the last one's stands, nobody fails."""
    target, failed = tmp_path / "model_0", list[BaseException]()

    def write():
        try:
            for _ in range(20):
                with atomic_folder(target, overwrite=True) as folder:
                    (folder / "a").write_text("whole")
                    (folder / "b").write_text("whole")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(path.name for path in target.iterdir()) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["model_0"]
