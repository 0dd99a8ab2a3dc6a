"""`faket reconstruct`: SIRT, phases flipped, and tomograms like another program's."""

from dataclasses import replace

import numpy as np
import pytest

import made_up_tomograms as made_up
from faket.cli.app import run
from faket.data import Volume
from faket.io.manifest import read_manifest
from faket.io.mrc import read_volume, write_volume
from faket.io.tilts import write_tilt_series
from faket.methods import known
from faket.reconstruction import reconstruct


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    for seed in (1, 2):
        write_tilt_series(root / f"{seed}.mrc", made_up.series(seed))
        made = reconstruct(made_up.series(seed), depth=made_up.DEPTH, filter="imod", taper=16)
        write_volume(root / f"rec{seed}.mrc", Volume(5 - 2 * made.data, 10.0))
    return root


def command(lab, *options, stack="1.mrc"):
    out = lab / f"out{abs(hash((options, stack)))}.mrc"
    words = ["reconstruct", lab / stack, out, "--depth", made_up.DEPTH, *options]
    return run([str(word) for word in words]), out


@pytest.mark.parametrize("stack", ["1.mrc", "2.mrc"])
def test_like_copies_what_was_done_to_its_own_stack(lab, stack, capsys):
    code, out = command(lab, "--like", lab / "rec1.mrc", "--like-stack", lab / "1.mrc", stack=stack)
    assert code == 0
    assert "coherence 0.9" in capsys.readouterr().err
    wanted = read_volume(lab / f"rec{stack}").data
    assert np.corrcoef(read_volume(out).data.ravel(), wanted.ravel())[0, 1] > 0.99
    manifest = read_manifest(out.with_name(f"{out.name}.manifest.json"))
    assert manifest["record"]["source"] == "tilt-series"


def test_like_without_its_stack_compares_amplitudes(lab, capsys):
    code, out = command(lab, "--like", lab / "rec1.mrc", stack="2.mrc")
    assert code == 0
    assert "mean amplitudes" in capsys.readouterr().err
    wanted = read_volume(lab / "rec2.mrc").data
    assert np.corrcoef(read_volume(out).data.ravel(), wanted.ravel())[0, 1] > 0.95


def test_sirt_and_inverted_contrast(lab):
    plain, inverted = (
        read_volume(command(lab, "--method", "sirt", "--iterations", 3, *flag)[1]).data
        for flag in ((), ("--invert",))
    )
    np.testing.assert_array_equal(plain, -inverted)


def test_phases_are_flipped_with_the_defocus_given(lab):
    code, out = command(lab, "--ctf", "flip", "--defocus-um", 3)
    assert code == 0
    record = read_manifest(out.with_name(f"{out.name}.manifest.json"))["record"]
    assert record["defocus_um"] == [3.0] * len(made_up.ANGLES)


def test_a_defocus_that_the_images_rule_out_is_said(lab, capsys, monkeypatch):
    def best_ctf(series, defocus_um):
        return replace(known.known_ctf(series, defocus_um), interval_um=(4.7, 5.6))

    monkeypatch.setattr(known, "best_ctf", best_ctf)
    assert command(lab, "--ctf", "flip", "--defocus-um", 2.5)[0] == 0
    said = "its defocus is given as 2.50 µm, but its images allow 4.70 to 5.60 µm; check --defocus"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--defocus-um", 3), "without --ctf flip"),
        (("--like-stack", "1.mrc"), "without --like"),
        (("--like", "rec1.mrc", "--invert"), "expected neither --method sirt nor --invert"),
        (("--like", "rec1.mrc", "--binning", 2), "set --binning to 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(lab, options, what, capsys):
    here = [lab / option if str(option).endswith(".mrc") else option for option in options]
    assert command(lab, *here)[0] == 2
    assert what in capsys.readouterr().err
