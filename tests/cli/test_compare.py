"""faket compare: from stacks of any size and tilt scheme to a table, numbers and a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from faket.cli.app import run
from faket.cli.compare import labels
from faket.data import TiltGeometry, TiltSeries
from faket.evaluation import content_correlation, separability, spectrum_distance
from faket.io.mrc import write_stack
from faket.io.tilts import write_tilt_angles, write_tilt_geometry, write_tilt_series

ANGLES = np.linspace(-40, 40, 5)
SHAPE = (5, 128, 160)


def specimen(shape=SHAPE):
    """Dark blobs at the same places in all tilts."""
    spots = (np.random.default_rng(0).random(shape[1:]) > 0.998).astype(float)
    image = -gaussian_filter(spots, 2.5)
    return np.repeat(image[None] / image.std(), shape[0], axis=0).astype(np.float32)


def noise(seed, shape=SHAPE, blur=0.0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return gaussian_filter(values, (0, blur, blur)).astype(np.float32)


def write(path, images, angles=ANGLES, pixel_A=10.0):
    write_tilt_series(path, TiltSeries(images, TiltGeometry(np.asarray(angles), pixel_A)))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    write(folder / "clean.mrc", specimen())
    write(folder / "real.mrc", specimen() + noise(1))
    write(folder / "near.mrc", 50 * (specimen() + noise(2)) + 1000)
    write(folder / "far.mrc", specimen() + noise(3, blur=0.7))
    order = [3, 0, 4, 1]
    larger = specimen((4, 150, 200)) + noise(4, (4, 150, 200))
    write(folder / "larger.mrc", larger, ANGLES[order] + 1)
    write(folder / "negative.mrc", -specimen() - noise(1))
    return folder


def compare(folder, out, *words):
    words = [str(folder / w) if str(w).endswith(".mrc") else str(w) for w in words]
    return run(["compare", *words, "--out", str(out)])


def test_every_number_is_written_and_agrees_with_the_functions(folder, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    names = ("real.mrc", "near.mrc", "far.mrc", "larger.mrc")
    clean = ("--clean", "clean.mrc", "--reference-clean", "clean.mrc")
    assert compare(folder, out, *names[:3], *clean, "--seed", 5) == 0, capsys.readouterr().err
    text = capsys.readouterr().out
    assert all(word in text for word in ("reference", "near", "far", "AUC", "normal", "5/5"))
    assert sorted(p.name for p in out.iterdir()) == ["compare.json", "compare.png"]
    assert (out / "compare.png").read_bytes()[:4] == b"\x89PNG"
    numbers = json.loads((out / "compare.json").read_text())
    reference, (near, far) = numbers["reference"], numbers["stacks"]
    stack, other, content = specimen() + noise(3, blur=0.7), specimen() + noise(1), specimen()
    spectrum = spectrum_distance(stack, other)
    assert far["spectrum"]["distance"] == pytest.approx(spectrum.distance)
    np.testing.assert_allclose(far["spectrum"]["power"], spectrum.power)
    told = separability(stack, other, seed=5, angles_deg=ANGLES, other_angles_deg=ANGLES)
    assert far["separability"]["auc"] == pytest.approx(told.auc)
    assert far["separability"]["feature_names"] == list(told.feature_names)
    assert far["content"]["mean"] == pytest.approx(content_correlation(stack, content).mean)
    assert reference["content"]["mean"] == pytest.approx(content_correlation(other, content).mean)
    assert reference["angles_deg"] == ANGLES.tolist()
    assert near["spectrum"]["distance"] < 0.5 * far["spectrum"]["distance"]
    assert near["separability"]["auc"] < 0.8 < 0.95 < far["separability"]["auc"]
    assert numbers["settings"]["seed"] == 5


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take longer than these measurements."""
    monkeypatch.setattr("faket.report.compare_figures.compare_figure", lambda *_: None)


@pytest.mark.usefixtures("undrawn")
def test_other_sizes_and_tilt_schemes(folder, tmp_path, capsys):
    assert compare(folder, tmp_path, "real.mrc", "larger.mrc") == 0
    (entry,) = json.loads((tmp_path / "compare.json").read_text())["stacks"]
    assert entry["spectrum"]["tilts"] == [[0, 3], [1, 0], [2, 4], [3, 1]]
    assert entry["separability"]["patches"] >= 16
    assert entry["content"] is None
    assert entry["spectrum"]["distance"] < 2 * entry["spectrum"]["floor"]
    assert "4/4" in capsys.readouterr().out
    # The other way round one tilt has no partner.
    assert compare(folder, tmp_path, "larger.mrc", "real.mrc") == 0
    assert "4/5" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_an_inverted_reference_is_said_and_turned_when_asked(folder, tmp_path, capsys):
    assert compare(folder, tmp_path, "negative.mrc", "near.mrc") == 0
    text = capsys.readouterr().out
    assert "inverted" in text
    assert "--invert-reference" in text
    assert compare(folder, tmp_path, "negative.mrc", "near.mrc", "--invert-reference") == 0
    assert "inverted" not in capsys.readouterr().out
    turned = json.loads((tmp_path / "compare.json").read_text())
    assert compare(folder, tmp_path, "real.mrc", "near.mrc") == 0
    straight = json.loads((tmp_path / "compare.json").read_text())
    assert turned["stacks"] == straight["stacks"]


@pytest.mark.usefixtures("undrawn")
def test_recorded_shifts_are_undone_before_content_is_compared(folder, tmp_path):
    shifted = np.roll(specimen(), 6, axis=2) + 0.3 * noise(1)
    write(tmp_path / "shifted.mrc", shifted)
    words = [tmp_path / "shifted.mrc", "near.mrc", "--reference-clean", "clean.mrc"]
    words += ["--patches", "20"]

    def correlation():
        assert compare(folder, tmp_path / "out", *words) == 0
        text = (tmp_path / "out" / "compare.json").read_text()
        return json.loads(text)["reference"]["content"]["mean"]

    before = correlation()
    (tmp_path / "shifted.csv").write_text("something,else\n")  # none of ours
    assert correlation() == before
    shifts = np.tile([60.0, 0.0], (5, 1))
    write_tilt_geometry(tmp_path / "shifted.csv", TiltGeometry(ANGLES, 10.0, shifts))
    assert correlation() > before + 0.3


def test_bad_input_is_one_line_and_leaves_nothing(folder, tmp_path, capsys):
    flat = specimen() + noise(1)
    flat[2] = 7
    write(tmp_path / "flat.mrc", flat)
    write(tmp_path / "small.mrc", noise(0, (5, 64, 64)))
    write(tmp_path / "fine.mrc", noise(0), pixel_A=5.0)
    write(tmp_path / "aside.mrc", noise(0), ANGLES / 100 + 70)
    write_stack(tmp_path / "lonely.mrc", noise(0), 10.0)
    write(tmp_path / "broken.mrc", noise(0))
    write_tilt_angles(tmp_path / "broken.tlt", ANGLES[:3])
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    here = {name: tmp_path / f"{name}.mrc" for name in
            ("flat", "small", "fine", "aside", "lonely", "broken", "absent")}  # fmt: skip
    cases = [
        (("real.mrc",), "at least one stack"),
        (("real.mrc", here["flat"]), "flat.mrc: expected images with contrast, found tilt 2"),
        (("real.mrc", here["small"]), "--patch-px"),
        (("real.mrc", here["fine"]), "5 Å"),
        (("real.mrc", here["aside"]), "within 3°"),
        (("real.mrc", here["lonely"]), "lonely.tlt"),
        (("real.mrc", here["broken"]), "broken"),
        (("real.mrc", here["absent"]), "absent.mrc"),
        (("real.mrc", "near.mrc", "--patch-px", "30"), "multiple of 8"),
        (("real.mrc", "near.mrc", "--clean", "larger.mrc"), "larger.mrc"),
        (("real.mrc", "near.mrc", "--seed", "-1"), "seed"),
    ]
    for words, expected in cases:
        assert compare(folder, tmp_path / "out", *words) == 2, words
        lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("faket: ")]
        assert len(lines) == 1, (words, lines)
        assert lines[0].startswith("faket: ")
        assert expected in lines[0], (words, lines)
    assert compare(folder, tmp_path / "file", "real.mrc", "near.mrc") == 2
    assert "file" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_help_names_every_option(capsys):
    assert run(["compare", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--out", "--clean", "--reference-clean", "--invert-reference", "--patch-px"):
        assert option in text


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["a.mrc", "b.mrc"], ["a", "b"]),
        ([f"m{i}/s.mrc" for i in range(4)], [f"m{i}/s" for i in range(4)]),
        (["x/m/s.mrc", "y/m/s.mrc"], ["x/m/s", "y/m/s"]),
        (["m/reference.mrc"], ["m/reference"]),  # the reference's own label is taken
    ],
)
def test_stacks_of_one_file_name_are_told_apart(paths, wanted):
    assert labels([Path(path) for path in paths]) == wanted
