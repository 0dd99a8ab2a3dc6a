"""Every output of every command: what cannot be written is refused before any work begins."""

import inspect
import os
import re
import socket
import stat
from pathlib import Path
from typing import get_type_hints

import pytest

from faket.cli.app import app, run
from faket.cli.outputs import OutProfile, OutStack, checked, outputs_of
from faket.errors import InputError

COMMANDS = {name: app[name].default_command for name in app if not name.startswith("-")}
OUTPUTS = [
    (command, option) for command, function in COMMANDS.items() for option in outputs_of(function)
]
FILES = [pair for pair in OUTPUTS if not outputs_of(COMMANDS[pair[0]])[pair[1]].folder]
FOLDERS = [pair for pair in OUTPUTS if pair not in FILES]


def suffix_of(command, option):
    return next(iter(outputs_of(COMMANDS[command])[option].suffixes), ".mrc")


def words(command, tmp_path, **given):
    """Return a command line with something for whatever the command needs."""
    hints = get_type_hints(COMMANDS[command])
    line = [command]
    for name, parameter in inspect.signature(COMMANDS[command]).parameters.items():
        kind = parameter.kind
        needed = parameter.default is parameter.empty or (command, name) == ("simulate", "recipe")
        if name not in given and not needed:
            continue
        value = given.get(name, "8" if hints[name] is int else tmp_path / "input.mrc")
        if name in outputs_of(COMMANDS[command]) and name not in given:
            value = tmp_path / f"new{suffix_of(command, name)}"
        keyword = kind is inspect.Parameter.KEYWORD_ONLY
        line += [f"--{name.replace('_', '-')}={value}" if keyword else str(value)]
    return line


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Return a function that gives an output to a command, which must refuse it in one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input.mrc").write_bytes(b"not to be lost")

    def refuse(command, option, place):
        before = everything(tmp_path)
        code = run(words(command, tmp_path, **{option: place}))
        said = capsys.readouterr()
        assert code == 2, (command, option, place, said)
        assert said.err.count("\n") == 1, said.err
        assert said.err.startswith("faket: ")
        assert everything(tmp_path) == before
        return said.err

    return refuse


def everything(folder):
    """Names, kinds and content of all that is in a folder."""
    return {
        path: (os.lstat(path).st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_a_new_command_cannot_forget_to_mark_its_outputs():
    assert len(OUTPUTS) >= 17
    for command, function in COMMANDS.items():
        about = dict(
            re.findall(r"^(\w+)\n((?:    .*\n?)+)", inspect.getdoc(function), re.MULTILINE)
        )
        for name, hint in get_type_hints(function).items():
            if "Path" in str(hint) and (
                name == "out" or re.search(r"\bwrite\b", about[name].lower())
            ):
                assert name in outputs_of(function), (command, name)


@pytest.mark.parametrize(("command", "option"), FILES)
def test_what_is_no_file_is_refused(refused, tmp_path, command, option):
    end = suffix_of(command, option)
    os.mkfifo(tmp_path / f"pipe{end}")
    (tmp_path / f"loop{end}").symlink_to(tmp_path / f"loop{end}")
    (tmp_path / f"to-pipe{end}").symlink_to(tmp_path / f"pipe{end}")
    (tmp_path / f"folder{end}").mkdir()
    (tmp_path / "file").write_text("")
    for place in ("", ".", "/", "..", "sub/..", f"loop{end}/x{end}"):
        refused(command, option, place)
    for name in ("pipe", "to-pipe"):
        assert "device" in refused(command, option, f"{name}{end}")
    refused(command, option, f"loop{end}")
    assert "folder" in refused(command, option, f"folder{end}")
    refused(command, option, f"file/a{end}")
    refused(command, option, f"{'n' * 252}{end}")
    refused(command, option, f"{'é' * 126}{end}")
    refused(command, option, f"{'sub/' * 1500}a{end}")


@pytest.mark.parametrize(("command", "option"), FILES)
def test_inputs_are_not_written_over(refused, tmp_path, command, option):
    end = suffix_of(command, option)
    (tmp_path / "input.mrc").rename(tmp_path / f"taken{end}")
    (tmp_path / "input.mrc").symlink_to(tmp_path / f"taken{end}")
    os.link(tmp_path / f"taken{end}", tmp_path / f"hard{end}")
    (tmp_path / f"soft{end}").symlink_to(tmp_path / f"taken{end}")
    for name in ("taken", "hard", "soft"):
        assert "input" in refused(command, option, f"{name}{end}")
        assert "input" in refused(command, option, tmp_path / "." / f"{name}{end}")


@pytest.mark.parametrize(("command", "option"), FOLDERS)
def test_what_is_no_folder_is_refused(refused, tmp_path, command, option):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    for place in ("", "/", "pipe", "loop", "file", "file/sub", "loop/sub", "n" * 256,
                  "sub/" * 1500):  # fmt: skip
        refused(command, option, place)


@pytest.mark.parametrize(("command", "option"), [FILES[0], FOLDERS[0]])
def test_sockets_and_devices_are_refused(refused, tmp_path, command, option):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        refused(command, option, "socket")
    try:
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except OSError:
        pytest.skip("only a superuser makes devices")
    refused(command, option, "device")
    assert stat.S_ISCHR(os.stat("device").st_mode)


def test_two_outputs_are_two_files(tmp_path):
    def two(first: OutStack, second: OutProfile) -> None:
        pass

    guarded = checked(two)
    guarded(tmp_path / "new.mrc", tmp_path / "new.safetensors")
    (tmp_path / "link").symlink_to(tmp_path)
    for first in ("new.safetensors", "NEW.safetensors", "link/new.safetensors"):
        with pytest.raises(InputError, match="each output"):
            guarded(tmp_path / first, tmp_path / "new.safetensors")


def test_files_of_an_input_folder_are_kept_and_own_outputs_replaced(tmp_path, capsys):
    sample = tmp_path / "sample"
    sample.mkdir()
    (sample / "potential.mrc").write_bytes(b"")
    assert run(["project", str(sample), str(sample / "potential.mrc")]) == 2
    assert "input" in capsys.readouterr().err
    for name in ("clean.mrc", "clean.tlt", "clean.mrc.manifest.json"):
        (sample / name).write_bytes(b"")
    assert run(["project", str(sample), str(sample / "clean.mrc")]) == 2
    assert "potential.mrc" in capsys.readouterr().err  # which is empty


def test_angles_beside_an_input_are_kept(refused, tmp_path):
    (tmp_path / "input.tlt").write_text("0\n")
    assert "input" in refused("reconstruct", "out", Path("input.mrc"))
    assert "input" in refused("project", "out", Path("input.map"))
