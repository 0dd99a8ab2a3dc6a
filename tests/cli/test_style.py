"""`faket style` refuses options that its network or its style ignores, before it reads a file."""

import pytest

from faket.cli.app import run

FILES = ("content.mrc", "initial.mrc", "style.mrc")


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (("--memory-limit-GB", "1"), "no --memory-limit-GB with network texture"),
        (("--weights", "vgg19.pth"), "no --weights with network texture"),
        (
            ("--network", "vgg19-random", "--weights", "vgg19.pth"),
            "no --weights with network vgg19-random",
        ),
    ],
)
def test_options_that_change_nothing_are_refused(tmp_path, monkeypatch, capsys, options, refused):
    monkeypatch.chdir(tmp_path)
    for name in (*FILES, "vgg19.pth"):
        (tmp_path / name).write_bytes(b"")
    assert run(["style", *FILES, "out.mrc", *options]) == 2
    error = capsys.readouterr().err
    assert refused in error
    assert error.count("\n") == 1
