"""Commands give the same bytes whether their stacks lie in memory or on the disk."""

import numpy as np
import pytest

from faket.cli.app import run
from faket.io import scratch
from faket.io.mrc import write_stack

N, TILTS = 50, 5


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    """Projections, and references with and without defects, in float32 and as whole numbers."""
    root = tmp_path_factory.mktemp("stacks")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:N, :N] - N // 2
    blob = np.exp(-(x**2 + y**2) / 18).astype(np.float32)
    clean = np.array([np.roll(blob, (3 * t, 5), (0, 1)) * -900 for t in range(TILTS)], np.float32)
    reference = rng.poisson(200 + 0.1 * clean).astype(np.float32)
    gold = reference.copy()
    gold[:, 20:26, 20:26] -= 150
    gold[:, 40, 7] = 5000
    gold[1] = 7
    write_stack(root / "clean.mrc", clean, 10.0)
    write_stack(root / "reference.mrc", reference, 10.0)
    write_stack(root / "gold.mrc", -gold, 10.0)
    for name in ("clean", "reference", "gold"):
        (root / f"{name}.tlt").write_text("-40\n-20\n0\n20\n40\n")
    return root


INVERTED = ("gold.mrc", "--invert-reference", "--defocus-um", "3")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("noise clean.mrc", INVERTED),
        ("noise clean.mrc", ("reference.mrc", "--method", "spectral-content")),
        ("noise clean.mrc", ("reference.mrc", "--method", "coloured")),
        ("noise clean.mrc", ("gold.mrc", "--method", "noisy", "--invert-reference")),
        ("noise clean.mrc", ("reference.mrc", "--method", "baseline")),
        ("style clean.mrc reference.mrc", ("reference.mrc", "--network", "vgg19-random")),
        ("reconstruct reference.mrc", ("--depth", "20", "--filter", "shrec", "--binning", "2")),
        ("reconstruct reference.mrc", ("--depth", "9", "--ctf", "flip", "--defocus-um", "3")),
        ("reconstruct reference.mrc", ("--depth", "9", "--normalize", "contrast")),
        ("project reference.mrc", ("--step-deg", "40", "--voxel-size-A", "10")),
    ],
)
def test_bytes_do_not_depend_on_where_stacks_lie(stacks, command, options, monkeypatch):
    monkeypatch.chdir(stacks)
    made = []
    for least in (10**12, 0):
        monkeypatch.setattr(scratch, "LARGE_BYTES", least)
        name, *inputs = command.split()
        out = f"out{least}.mrc"
        inputs = [*inputs, out, *options] if name == "reconstruct" or name == "project" else [
            *inputs, options[0], out, *options[1:]
        ]  # fmt: skip
        assert run([name, *inputs]) == 0
        made.append((stacks / out).read_bytes())
    assert made[0] == made[1]
    assert not list(stacks.glob(".part*"))


def test_a_stack_on_the_disk_is_a_map_and_its_file_has_no_name(tmp_path):
    with scratch.stacks_on_disk(tmp_path / "not yet there", larger_than=0):
        stack = scratch_stack()
    stack[1] = 3
    assert list(tmp_path.iterdir()) == []
    assert (stack.sum(axis=(1, 2)) == [0, 60, 0]).all()


def scratch_stack():
    from faket.stacks import empty_stack

    return empty_stack((3, 4, 5))


def test_memory_of_maps_is_given_back(tmp_path, monkeypatch):
    """What was written is kept."""
    monkeypatch.setattr(scratch, "_KEPT_BYTES", 0)
    with scratch.stacks_on_disk(tmp_path, larger_than=0):
        stack = scratch_stack()
    stack[:] = 5
    maps = scratch._maps
    assert len(maps._known) == 1
    before = scratch._mapped_bytes()
    assert before > 0
    assert (stack == 5).all()
    del stack
    assert len(maps._known) == 0


def test_a_full_disk_is_one_line(tmp_path, capsys, monkeypatch, stacks):
    monkeypatch.chdir(stacks)
    monkeypatch.setattr(scratch, "LARGE_BYTES", 0)

    def full(file, n_bytes):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "_reserve", full)
    assert run(["reconstruct", "reference.mrc", "full.mrc", "--depth", "9"]) == 2
    error = capsys.readouterr().err
    assert "space" in error
    assert error.count("\n") == 1
    assert not (stacks / "full.mrc").exists()
