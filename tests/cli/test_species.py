"""`faket species` and the species of a recipe: what is printed, kept and asked for."""

import json

import numpy as np
import pytest

from faket.cli.app import run
from faket.errors import InputError
from faket.pipeline import parse_recipe
from faket.pipeline.library import load_library

RESIDUE = [("N", (0.0, 1.4, 0.2)), ("CA", (0.9, 0.3, 0.0)), ("C", (2.2, 0.9, -0.4)),
           ("O", (2.4, 2.1, -0.3)), ("CB", (0.5, -0.8, -1.0))]  # fmt: skip
TWICE = """REMARK 350 BIOMOLECULE: {name}
REMARK 350 APPLY THE FOLLOWING TO CHAINS: A{more}
REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000
REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000
REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000       80.00000
REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000
REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000
"""


@pytest.fixture
def dimer(tmp_path):
    lines = [
        f"ATOM  {5 * i + k + 1:5d}  {name:<3s} ALA A{i + 1:4d}    "
        + "".join(f"{v:8.3f}" for v in np.array(place) + [10, 0, 3.8 * i])
        + f"  1.00 20.00           {name[0]}"
        for i in range(20)
        for k, (name, place) in enumerate(RESIDUE)
    ]
    path = tmp_path / "dimer.pdb"
    tables = TWICE.format(name=1, more=", B") + TWICE.format(name=2, more="")
    path.write_text(tables + "\n".join([*lines, "END", ""]))
    return path


def test_what_one_checks_is_printed_and_kept(dimer, tmp_path, capsys):
    assert run(["species", str(dimer), "--out", str(tmp_path / "o"), "--voxel-size-A", "10"]) == 0
    said = capsys.readouterr()
    for fact in ("atoms: 200", "residues: 20", "hydrogens added: 200", "assembly: assembly 1",
                 "operators: 2", "symmetry of operators: C2", "mass kDa: 2.84",
                 "envelope A3 per Da:", "potential V A3 per Da:"):  # fmt: skip
        assert fact in said.out, fact
    assert "dimer: chains B of assembly 1 are not in the file" in said.err
    record = json.loads((tmp_path / "o" / "dimer" / "manifest.json").read_text())["record"]
    assert record["facts"]["hydrogens_added"] == 200
    assert any("chains B" in notice for notice in record["notices"])


def test_an_assembly_is_chosen_on_the_command_line_and_in_a_recipe(dimer, tmp_path, capsys):
    def species(assembly):
        out = tmp_path / f"o{assembly}"
        arguments = ["species", str(dimer), "--out", str(out), "--voxel-size-A", "10"]
        return run([*arguments, "--assembly", assembly])

    assert species("2") == 0
    assert "B" not in capsys.readouterr().err
    assert species("deposited") == 0
    assert "atoms: 100" in capsys.readouterr().out
    assert species("9") == 2
    assert "found 1, 2; choose" in capsys.readouterr().err
    assert not (tmp_path / "o9").exists()
    text = f'species = [{{ source = "{dimer.name}", assembly = %s, copies = 1 }}]\n'
    settings = "[specimen]\nsize_voxels = [48, 32, 32]\nvesicles = [0, 0]\ngold = [0, 0]\n"
    for given, expected in (('"deposited"', 0), ("2", 0), ('"9"', 2)):
        recipe = tmp_path / "r.toml"
        recipe.write_text(text % given + settings)
        assert run(["specimen", str(recipe), str(tmp_path / f"s{given}")]) == expected
    assert parse_recipe(text % 2).species[0].assembly == "2"
    capsys.readouterr()
    recipe.write_text(text.replace("assembly = %s, ", "") + settings)
    assert run(["specimen", str(recipe), str(tmp_path / "s")]) == 0
    assert "chains B of assembly 1" in capsys.readouterr().err


def test_settings_that_no_molecule_takes_are_refused(dimer, tmp_path, capsys):
    out = str(tmp_path / "o")
    for options in (("--contour", "0"), ("--mean-potential-V", "3"), ("--map-voxel-size-A", "2")):
        assert run(["species", str(dimer), "synthetic:syn-ring", "--out", out, *options]) == 2
        assert f"expected no {options[0]} for these molecules" in capsys.readouterr().err
    assert run(["species", "synthetic:syn-ring", "--out", out, "--assembly", "1"]) == 2
    assert not (tmp_path / "o").exists()
    both = [str(dimer), "synthetic:syn-ring", "--out", out, "--voxel-size-A", "10"]
    assert run(["species", *both, "--assembly", "deposited"]) == 0
    text = f'tomograms = 1\nspecies = [{{ source = "{dimer}", contour = 1.0 }}]'
    with pytest.raises(InputError, match="expected no `contour` for atoms"):
        load_library(parse_recipe(text))
