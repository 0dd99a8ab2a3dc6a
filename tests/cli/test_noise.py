"""faket noise, style and reconstruct with references as users have them."""

import json

import numpy as np
import pytest

from faket.cli.app import run
from faket.io.mrc import read_stack, write_stack

N, TILTS = 48, 5


@pytest.fixture
def stacks(tmp_path):
    """A noiseless stack and a noisy one, as counts."""
    rng = np.random.default_rng(0)
    clean = -30 * rng.random((TILTS, N, N)).astype(np.float32)
    reference = rng.poisson(200 + clean).astype(np.float32)
    write_stack(tmp_path / "clean.mrc", clean, 10.0)
    write_stack(tmp_path / "reference.mrc", reference, 10.0)
    for name in ("clean", "reference"):
        (tmp_path / f"{name}.tlt").write_text("-40\n-20\n0\n20\n40\n")
    return tmp_path


def made(folder, *options):
    out = folder / "out.mrc"
    paths = [str(folder / name) for name in ("clean.mrc", "reference.mrc", "out.mrc")]
    assert run(["noise", *paths, *options]) == 0
    return read_stack(out)[0], json.loads((folder / "out.mrc.manifest.json").read_text())["record"]


@pytest.mark.parametrize("options", [("--defocus-um", "3"), ("--method", "noisy")])
def test_hot_pixels_and_a_blank_tilt_change_no_noise(stacks, options, capsys):
    right, record = made(stacks, *options)
    assert "left_out" not in record
    images, _ = read_stack(stacks / "reference.mrc")
    images[:, 20, 30] = images[:, 7, 9] = 4000
    images[:, :, -1] = 0
    images[1] = 0
    write_stack(stacks / "reference.mrc", images, 10.0)
    capsys.readouterr()
    wrong, record = made(stacks, *options)
    assert wrong.shape == right.shape
    # By chance 6 %: what four tilts of 48² pixels share without a specimen is not 0.
    assert wrong.std() == pytest.approx(right.std(), rel=0.08)
    found = {"hot_or_dead_pixels": 8, "dead_lines": 4, "blank_tilts": [1]}
    assert record["left_out"] == found
    said = (
        "left out of all measurements: 8 hot or dead pixels, 4 dead rows or columns, blank tilts 1"
    )
    assert capsys.readouterr().err.count(said) == 1


@pytest.mark.parametrize(
    "command",
    [
        ["noise", "clean.mrc", "reference.mrc", "o.mrc"],
        ["noise", "reference.mrc", "clean.mrc", "o.mrc"],
        ["style", "reference.mrc", "clean.mrc", "clean.mrc", "o.mrc"],
        ["style", "clean.mrc", "clean.mrc", "reference.mrc", "o.mrc"],
        ["reconstruct", "reference.mrc", "o.mrc", "--depth", "8"],
        ["compare", "reference.mrc", "clean.mrc", "--out", "o"],
        ["compare", "clean.mrc", "reference.mrc", "--out", "o"],
        ["project", "clean.mrc", "o.mrc", "--angles", "reference.tlt"],
    ],
)
def test_angles_that_are_all_zero_are_refused(stacks, command, capsys, monkeypatch):
    (stacks / "reference.tlt").write_text("0.00\n" * TILTS)
    monkeypatch.chdir(stacks)
    assert run(command) == 2
    error = capsys.readouterr().err
    assert "expected tilt angles that differ, found 5 times 0 degrees" in error
    assert not list(stacks.glob("o*"))


def test_a_missing_voxel_size_is_given_by_option(stacks, capsys, monkeypatch):
    """The remedy that the message names is the command's own, and works."""
    monkeypatch.chdir(stacks)
    z, y, x = np.mgrid[:20, :20, :20] - 10
    write_stack("map.mrc", (np.sqrt(x**2 + y**2 + z**2) < 6).astype(np.float32), 10.0)
    raw = bytearray((stacks / "map.mrc").read_bytes())
    raw[40:52] = bytes(12)
    (stacks / "map.mrc").write_bytes(raw)
    for command, option in (
        (["project", "map.mrc", "p.mrc"], "--voxel-size-A"),
        (["species", "map.mrc", "--out", "s"], "--map-voxel-size-A"),
    ):
        assert run(command) == 2
        assert f"give {option}" in capsys.readouterr().err
        assert run([*command, option, "10"]) == 0
