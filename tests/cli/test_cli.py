"""The command line: stages chained through files, errors as one line with exit code 2."""

import numpy as np
import pytest

from faket.cli.app import run
from faket.data import Volume
from faket.io.mrc import read_stack, read_volume, write_stack, write_volume
from faket.io.tilts import write_tilt_angles
from faket.reconstruction import fourier_crop

RECIPE = """
seed = 5
species = [{ source = "synthetic:syn-ring", copies = 5 }]
[specimen]
size_voxels = [64, 56, 32]
voxel_size_A = 10.0
vesicles = [0, 0]
gold = [2, 2]
"""


def fails(capsys, *arguments):
    """Run a command that must fail; return its one line, which comes last."""
    assert run([str(a) for a in arguments]) == 2
    *before, last = capsys.readouterr().err.splitlines()
    assert all(" tilts, " in line for line in before)  # the short form of a reference
    assert last.startswith("faket: ")
    return last + "\n"


def test_stages_chain_from_recipe_to_tomogram(tmp_path, capsys):
    recipe, sample = tmp_path / "r.toml", tmp_path / "sample"
    recipe.write_text(RECIPE)
    p = {name: str(tmp_path / f"{name}.mrc") for name in
         ("clean", "real", "noisy", "tomogram")}  # fmt: skip
    write_tilt_angles(tmp_path / "a.tlt", np.arange(-60.0, 61.0, 12.0))
    angles = ("--angles", str(tmp_path / "a.tlt"))
    chain = [
        (
            "species",
            "synthetic:syn-bean",
            "--out",
            str(tmp_path / "species"),
            "--voxel-size-A",
            "10",
        ),
        ("specimen", str(recipe), str(sample)),
        ("project", str(sample), p["clean"], *angles),
        ("acquire", str(sample), p["real"], "--preset", "k3-60x3", *angles),
        ("noise", p["clean"], p["real"], p["noisy"], "--reference-clean", p["clean"]),
        ("reconstruct", p["noisy"], p["tomogram"], "--depth", "32"),
    ]
    for arguments in chain:
        assert run(list(arguments)) == 0, (arguments, capsys.readouterr().err)
    assert read_volume(p["tomogram"]).data.shape == (32, 56, 64)
    assert read_volume(p["tomogram"]).voxel_size_A == 10.0
    assert (tmp_path / "species" / "syn-bean" / "potential.mrc").exists()
    noisy, clean = read_stack(p["noisy"])[0], read_stack(p["clean"])[0]
    assert np.corrcoef(noisy[5].ravel(), clean[5].ravel())[0, 1] > 0.1
    # A species folder is a source of a recipe.
    recipe.write_text(RECIPE.replace("synthetic:syn-ring", "species/syn-bean"))
    assert run(["specimen", str(recipe), str(tmp_path / "again")]) == 0


def test_example_is_a_valid_recipe(tmp_path, capsys):
    from faket.pipeline import parse_recipe

    assert run(["simulate", "--example"]) == 0
    parse_recipe(capsys.readouterr().out)


@pytest.mark.parametrize("command", ["demo", "simulate", "species", "specimen", "project",
                                     "acquire", "noise", "style", "reconstruct", "train", "pick",
                                     "match", "score", "compare"])  # fmt: skip
def test_help_explains_every_command(command, capsys):
    assert run([command, "--help"]) == 0
    assert "faket" in capsys.readouterr().out


def test_wrong_commands_are_one_line(tmp_path, capsys):
    assert "RECIPE" in fails(capsys, "simulate")
    fails(capsys, "simulat")
    fails(capsys, "reconstruct", "a.mrc", "b.mrc", "--depth", "none")
    fails(capsys, "reconstruct", "a.mrc", "b.mrc", "--depth", "-3")
    fails(capsys, "reconstruct", "a.mrc", "b.mrc", "--depth", "3", "--bogus", "1")


def test_bad_files_are_one_line_and_leave_nothing(tmp_path, capsys):
    angles = np.arange(-60.0, 61.0, 30.0)
    stack, tlt = tmp_path / "s.mrc", tmp_path / "s.tlt"
    out = tmp_path / "out.mrc"
    arguments = ("reconstruct", stack, out, "--depth", "8")
    fails(capsys, *arguments)
    write_stack(stack, np.random.default_rng(0).random((5, 16, 16)).astype(np.float32), 5.0)
    assert "s.tlt" in fails(capsys, *arguments)
    write_tilt_angles(tlt, angles[:4])
    assert "4" in fails(capsys, *arguments)
    tlt.write_text("0\n1\nx\n3\n4\n")
    fails(capsys, *arguments)
    write_tilt_angles(tlt, angles)
    raw = bytearray(stack.read_bytes())
    stack.write_bytes(raw[:-100])
    assert "s.mrc" in fails(capsys, *arguments)
    raw[1024:1028] = np.float32(np.nan).tobytes()
    stack.write_bytes(raw)
    assert "NaN" in fails(capsys, *arguments)
    raw[12:16] = (99).to_bytes(4, "little")
    stack.write_bytes(raw)
    assert "mode" in fails(capsys, *arguments)
    assert not out.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.mrc", "s.tlt"]


def test_mistakes_of_a_newcomer_leave_nothing(tmp_path, capsys):
    volume, stack, other = (tmp_path / f"{name}.mrc" for name in ("volume", "stack", "other"))
    rng = np.random.default_rng(0)
    write_volume(volume, Volume(rng.random((8, 36, 40)).astype(np.float32), 10.0))
    for path, pixel_A in ((stack, 10.0), (other, 17.0)):
        write_stack(path, rng.random((3, 36, 40)).astype(np.float32), pixel_A)
        write_tilt_angles(path.with_suffix(".tlt"), np.array([-30.0, 0.0, 30.0]))
    (tmp_path / "folder.mrc").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    out = tmp_path / "out.mrc"
    for angle in ("inf", "nan", "-70"):
        fails(capsys, "project", volume, out, "--stop-deg", angle)
    for step in ("1e-300", "1e-12"):
        assert "step" in fails(capsys, "project", volume, out, "--step-deg", step)
    fails(capsys, "project", volume, tmp_path / "out.mrc.gz", "--step-deg", "30")
    fails(capsys, "project", volume, tmp_path / "folder.mrc", "--step-deg", "30")
    assert "input" in fails(capsys, "project", volume, volume, "--step-deg", "30")
    assert "input" in fails(capsys, "reconstruct", stack, stack, "--depth", "8")
    assert "out.csv" in fails(capsys, "reconstruct", stack, tmp_path / "out.csv", "--depth", "8")
    fails(capsys, "reconstruct", stack, out, "--depth", "8", "--taper", "-3")
    assert "17 Å" in fails(capsys, "noise", stack, other, out)
    fails(capsys, "species", "absent.pdb", "--out", tmp_path / "species")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["folder.mrc"]
    pixels = ("--pixel-size-A", "10")
    assert run([str(a) for a in ("noise", stack, other, out, *pixels)]) == 0
    assert read_stack(out)[1] == 10.0


def test_noise_bins_a_finer_reference_and_says_what_it_assumed(tmp_path, capsys):
    """As `faket simulate` does: the result is that of the reference binned before."""
    rng, angles = np.random.default_rng(0), np.array([-40.0, 0.0, 40.0])
    fine = rng.normal(100, 10, (3, 128, 128)).astype(np.float32)
    stacks = {"clean": (fourier_crop(fine, 2, axes=(2, 1)) - 100, 10.0), "fine": (fine, 5.0),
              "binned": (fourier_crop(fine, 2, axes=(2, 1)), 10.0)}  # fmt: skip
    for name, (images, pixel_A) in stacks.items():
        write_stack(tmp_path / f"{name}.mrc", images, pixel_A)
        tilts = angles * 1.5 if name == "clean" else angles
        write_tilt_angles(tmp_path / f"{name}.tlt", tilts)
    said = {}
    for name in ("fine", "binned"):
        words = [str(tmp_path / f"{item}.mrc") for item in ("clean", name, f"out_{name}")]
        assert run(["noise", *words]) == 0
        said[name] = capsys.readouterr().err
    outs = [read_stack(tmp_path / f"out_{name}.mrc")[0] for name in said]
    np.testing.assert_allclose(*outs, rtol=1e-4, atol=1e-3)
    assert "binned by 2, from 5 to 10 Å" in said["fine"]
    assert "binned" not in said["binned"].replace("binned.mrc", "")
    for text in said.values():
        assert "2 of 3 tilts (-60° to 60°) lie beyond the reference's (-40° to 40°)" in text
        assert "--defocus-um" in text
        assert "--dose-e-per-A2" in text


def test_an_interrupt_says_how_to_go_on(capsys, monkeypatch):
    import faket.pipeline

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(faket.pipeline, "example_recipe", interrupted)
    assert run(["simulate", "--example"]) == 130
    assert "run the same command again to continue" in capsys.readouterr().err


def test_unwritable_output_is_one_line(tmp_path, capsys):
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE)
    (tmp_path / "file").write_text("")
    fails(capsys, "simulate", recipe, tmp_path / "file")
    fails(capsys, "simulate", recipe, tmp_path / "file" / "below")
