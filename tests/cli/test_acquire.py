"""faket acquire: replay, halves, stages, another microscope."""

import numpy as np
import pytest

from faket.cli.app import run
from faket.io import scratch
from faket.io.mrc import read_stack
from faket.io.tilts import write_tilt_angles

RECIPE = """
species = [{ source = "synthetic:syn-ring", copies = 4 }]
[specimen]
size_voxels = [64, 48, 24]
voxel_size_A = 10.0
vesicles = [0, 0]
gold = [1, 1]
[microscope]
preset = "k3-60x3"
settings = { defocus_um = [3.0, 3.0], detector = "perfect" }
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acquire")
    (folder / "r.toml").write_text(RECIPE)
    write_tilt_angles(folder / "a.tlt", np.array([-30.0, 0.0, 30.0]))
    assert run(["specimen", str(folder / "r.toml"), str(folder / "sample")]) == 0
    return folder


def acquire(sample, out, *options):
    words = ["acquire", str(sample / "sample"), str(out), *map(str, options)]
    return run(words)


def test_a_record_replays_to_the_same_bytes(sample, tmp_path):
    angles = ("--angles", sample / "a.tlt")
    assert acquire(sample, tmp_path / "a.mrc", "--preset", "k3-60x3", "--seed", 4, *angles) == 0
    assert acquire(sample, tmp_path / "b.mrc", "--record", tmp_path / "a.json") == 0
    assert (tmp_path / "a.mrc").read_bytes() == (tmp_path / "b.mrc").read_bytes()
    assert acquire(sample, tmp_path / "c.mrc", "--preset", "k3-60x3", "--seed", 5, *angles) == 0
    assert (tmp_path / "a.mrc").read_bytes() != (tmp_path / "c.mrc").read_bytes()


def test_halves_add_up_and_stages_are_written(sample, tmp_path):
    out = tmp_path / "s.mrc"
    options = ("--halves", "--keep", "intensity", "--keep", "exit_wave")
    recipe = ("--recipe", sample / "r.toml", "--angles", sample / "a.tlt")
    assert acquire(sample, out, *recipe, *options) == 0
    whole, odd, even = (read_stack(tmp_path / f"s{n}.mrc")[0] for n in ("", "_odd", "_even"))
    np.testing.assert_allclose(odd + even, whole, rtol=1e-5, atol=1e-3)
    noise = np.corrcoef((odd - odd.mean()).ravel(), (even - even.mean()).ravel())[0, 1]
    assert noise < 0.9
    for name in ("intensity", "exit_wave_amplitude", "exit_wave_phase"):
        assert read_stack(tmp_path / f"s_{name}.mrc")[0].shape == whole.shape
    text = (tmp_path / "s.json").read_text()
    assert '"perfect"' in text


def test_bytes_do_not_depend_on_where_stacks_lie(sample, tmp_path, monkeypatch):
    names = ("a.mrc", "a_odd.mrc", "a_even.mrc", "a_exit_wave_phase.mrc")
    options = ("--angles", sample / "a.tlt", "--halves", "--keep", "exit_wave")
    made = []
    for least in (10**12, 0):
        monkeypatch.setattr(scratch, "LARGE_BYTES", least)
        assert acquire(sample, tmp_path / "a.mrc", *options) == 0
        made.append([(tmp_path / name).read_bytes() for name in names])
    assert made[0] == made[1]


def test_bad_acquisitions_are_one_line(sample, tmp_path, capsys):
    (tmp_path / "bad.json").write_text('{"seed": 1}')
    for options in (
        ("--preset", "toy"),
        ("--record", tmp_path / "bad.json"),
        ("--record", tmp_path / "absent.json"),
        ("--record", tmp_path / "bad.json", "--recipe", sample / "r.toml"),
        ("--keep", "dreams"),
    ):
        assert acquire(sample, tmp_path / "x.mrc", *options) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "x.mrc").exists()
