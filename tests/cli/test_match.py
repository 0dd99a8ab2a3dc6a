"""faket match: files to files, resumed, and bad input as one line."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.cli.app import run
from faket.data import TiltGeometry, TiltSeries, Volume
from faket.io.acquisition import write_acquisition
from faket.io.manifest import read_manifest
from faket.io.mrc import write_mask, write_volume
from faket.io.picks import read_picks
from faket.io.tilts import write_tilt_angles, write_tilt_geometry
from faket.microscope import Microscope, draw_acquisition
from faket.projection import project
from faket.reconstruction import reconstruct
from faket.structures import synthetic_species

ANGLES = np.arange(-60.0, 61.0, 6.0)
PLACES = [(14, 12, 12), (13, 12, 30), (14, 30, 22)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tomogram with three molecules as they stand, two rings and a hook, and its angles."""
    place = tmp_path_factory.mktemp("match")
    volume = np.zeros((28, 44, 44), np.float32)
    for name, centre in zip(("syn-ring", "syn-ring", "syn-hook"), PLACES, strict=True):
        potential = synthetic_species(name, voxel_size_A=10.0).potential
        window = tuple(
            slice(c - n // 2, c - n // 2 + n) for c, n in zip(centre, potential.shape, strict=True)
        )
        volume[window] += potential
    images = -project(volume, ANGLES)
    noise = np.random.default_rng(0).standard_normal(images.shape)
    images += (1.0 * images.std() * noise).astype(np.float32)
    series = TiltSeries(images, TiltGeometry(ANGLES, 10.0))
    write_volume(place / "t.mrc", reconstruct(series, depth=28))
    write_tilt_angles(place / "t.tlt", ANGLES)
    return place


def match(folder, *words):
    quick = ("--angular-step", "50", "--exclusion", "1.5", "--device", "cpu")
    return run(["match", str(folder / "t.mrc"), *map(str, words), *quick])


SPECIES = ("synthetic:syn-ring", "synthetic:syn-hook")


@pytest.mark.parametrize("kind", ["csv", "star"])
def test_picks_are_where_the_molecules_are(folder, tmp_path, kind, capsys):
    out = tmp_path / f"picks.{kind}"
    assert match(folder, *SPECIES, "--out", out) == 0
    picks = read_picks(out, (28, 44, 44), 10.0)
    best = {tuple(np.rint(p / 10).astype(int)[::-1]): s
            for p, s in zip(picks.positions_A[:3], picks.species[:3], strict=True)}  # fmt: skip
    for place, name in zip(PLACES, ("syn-ring", "syn-ring", "syn-hook"), strict=True):
        near = [s for p, s in best.items() if np.abs(np.subtract(p, place)).max() <= 1]
        assert near == [name]
    assert isinstance(picks.rotations, Rotation)
    assert (np.diff(picks.scores) <= 0).all()
    manifest = read_manifest(tmp_path / f"picks.{kind}.manifest.json")
    assert manifest["kind"] == "match"
    assert manifest["settings"]["voltage_kV"] == 300
    assert [Path(item["path"]).name for item in manifest["inputs"]] == ["t.mrc", "t.tlt"]
    assert not (tmp_path / f"picks.{kind}.parts").exists()
    assert "syn-hook: " in capsys.readouterr().out


def test_an_interrupted_run_continues_to_the_same_bytes(folder, tmp_path, monkeypatch):
    from faket.picking.template_matching import Matcher

    whole, resumed = tmp_path / "whole.csv", tmp_path / "resumed.csv"
    assert match(folder, *SPECIES, "--out", whole) == 0
    search, searched = Matcher.candidates, []

    def interrupted(self, species, **options):
        searched.append(species.name)
        if len(searched) == 2:
            raise KeyboardInterrupt
        return search(self, species, **options)

    monkeypatch.setattr(Matcher, "candidates", interrupted)
    assert match(folder, *SPECIES, "--out", resumed) == 130
    assert not resumed.exists()
    assert match(folder, *SPECIES, "--out", resumed) == 0
    assert searched == ["syn-ring", "syn-hook", "syn-hook"]
    assert resumed.read_bytes() == whole.read_bytes()


def test_kept_parts_serve_only_the_same_question(folder, tmp_path, monkeypatch):
    import faket.cli.match as module

    monkeypatch.setattr(module.shutil, "rmtree", lambda *a, **k: None)
    out = tmp_path / "p.csv"
    assert match(folder, SPECIES[1], "--out", out) == 0
    (part,) = (tmp_path / "p.csv.parts").iterdir()
    assert match(folder, SPECIES[1], "--out", out, "--false-positives", "2") == 0
    assert len(list((tmp_path / "p.csv.parts").iterdir())) == 2
    part.write_bytes(b"PK damaged")
    assert match(folder, SPECIES[1], "--out", out) == 0


def test_a_region_and_a_lens(folder, tmp_path):
    region = np.zeros((28, 44, 44), np.uint8)
    region[:, :20] = 1
    write_mask(tmp_path / "region.mrc", region, 10.0)
    out = tmp_path / "p.csv"
    options = ("--region", tmp_path / "region.mrc", "--defocus-um", "3", "--method", "tm")
    assert match(folder, SPECIES[0], "--out", out, *options) == 0
    with out.open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert all(float(row["y_A"]) < 205 for row in rows)


def test_a_model_folder_has_its_angles_and_a_region_its_voxels(folder, tmp_path, capsys):
    shutil.copy(folder / "t.mrc", tmp_path / "reconstruction.mrc")
    write_tilt_geometry(tmp_path / "projections_unbinned.csv", TiltGeometry(ANGLES, 5.0))
    out, tomogram = tmp_path / "p.csv", str(tmp_path / "reconstruction.mrc")
    command = ["match", tomogram, SPECIES[0], "--out", str(out), "--angular-step", "50"]
    assert run(command) == 0
    inputs = read_manifest(tmp_path / "p.csv.manifest.json")["inputs"]
    assert "projections_unbinned.csv" in [Path(item["path"]).name for item in inputs]
    write_mask(tmp_path / "region.mrc", np.ones((28, 44, 44), np.uint8), 7.0)
    assert run([*command, "--region", str(tmp_path / "region.mrc")]) == 2
    assert "10 Å, found 7 Å" in capsys.readouterr().err
    (tmp_path / "projections_unbinned.csv").unlink()
    assert run(command) == 2
    assert "--tilts" in capsys.readouterr().err
    assert run([*command, "--defocus-um", "30000"]) == 2


def test_a_record_tells_lens_dose_and_voltage(folder, tmp_path, capsys):
    microscope = Microscope(voltage_kV=200.0)
    record = tmp_path / "acquisition.json"
    geometry = TiltGeometry(ANGLES, 10.0)
    write_acquisition(record, draw_acquisition(microscope, geometry, seed=0))
    out = tmp_path / "p.csv"
    assert match(folder, SPECIES[0], "--out", out, "--record", record) == 0
    manifest = read_manifest(tmp_path / "p.csv.manifest.json")
    assert manifest["settings"]["voltage_kV"] == 200
    assert "acquisition.json" in [Path(item["path"]).name for item in manifest["inputs"]]
    out.unlink()
    capsys.readouterr()
    for also in (("--defocus-um", "3"), ("--voltage-kV", "300"), ("--tilts", folder / "t.tlt")):
        assert match(folder, SPECIES[0], "--out", out, "--record", record, *also) == 2
        assert "found both" in capsys.readouterr().err
    assert not out.exists()


def test_bad_input_is_one_line(folder, tmp_path, capsys):
    ring, out = SPECIES[0], tmp_path / "p.csv"
    (tmp_path / "bad.tlt").write_text("1\ntwo\n")
    noise = np.random.default_rng(0).standard_normal((8, 30, 30)).astype(np.float32)
    write_volume(tmp_path / "thin.mrc", Volume(noise, 10.0))
    write_volume(tmp_path / "flat.mrc", Volume(np.ones((30, 30, 30), np.float32), 10.0))
    assert run(["species", ring, "--out", str(tmp_path), "--voxel-size-A", "5"]) == 0
    capsys.readouterr()
    angles = ("--tilts", str(folder / "t.tlt"))
    wrong = [
        [str(folder / "t.mrc"), "synthetic:syn-dream", "--out", str(out)],
        [str(folder / "t.mrc"), ring, ring, "--out", str(out)],
        [str(folder / "t.mrc"), str(tmp_path / "syn-ring"), "--out", str(out)],  # other voxels
        [str(folder / "t.mrc"), "no-such-file.pdb", "--out", str(out)],
        [str(folder / "t.mrc"), ring, "--out", str(tmp_path / "p.xlsx")],
        [str(folder / "t.mrc"), ring, "--out", str(out), "--tilts", str(tmp_path / "bad.tlt")],
        [str(folder / "t.mrc"), ring, "--out", str(out), "--record", str(tmp_path / "none.json")],
        [str(folder / "t.mrc"), ring, "--out", str(out), "--angular-step", "0.1"],
        [str(folder / "t.mrc"), "synthetic:syn-hook", "--out", str(out), "--symmetry", "C4"],
        [str(tmp_path / "none.mrc"), ring, "--out", str(out), *angles],
        [str(tmp_path / "thin.mrc"), ring, "--out", str(out), *angles],
        [str(tmp_path / "flat.mrc"), ring, "--out", str(out), *angles],
        [str(tmp_path / "thin.mrc"), ring, "--out", str(out)],  # no angles beside it
        [str(folder / "t.mrc"), ring, "--out", str(out), "--spherical-aberration-mm", "2.7"],
    ]
    for words in wrong:
        assert run(["match", *words]) == 2, words
        message = capsys.readouterr().err
        assert message.strip().splitlines()[-1].startswith("faket: ")
        assert "Traceback" not in message
        assert not out.exists()
