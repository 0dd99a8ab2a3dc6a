"""`faket export`: files for other programs, and one line for what cannot be written."""

import pytest

from faket.cli.app import run
from faket.exchange.table import FORMATS
from faket.io.star import read_star
from faket.pipeline.recipe import Recipe, parse_recipe
from made_up_datasets import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"))


def test_classes_are_renamed_and_tomograms_chosen(dataset, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--map", "ring=5MRC", "--tomograms", "model_1", "--radius", "rod=90"]
    assert run(["export", str(dataset), str(out), "--to", "relion5", *options]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    table = read_star(out / "particles.star")["particles"]
    assert set(table["rlnTomoName"]) == {"model_1"}
    assert set(table["faketSpecies"]) == {"5MRC", "rod"}
    assert run(["verify", str(out)]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "relion6"], "expected a format of csv, faket, relion5"),
        (["--to", "csv", "--map", "ring"], "--map: expected OURS=THEIRS"),
        (["--to", "csv", "--map", "wheel=ring"], "--map: expected classes among ring, rod"),
        (["--to", "csv", "--tomograms", "model_7"], "found model_7; correct --tomograms"),
        (["--to", "relion5", "--map", "ring=my ring"], "give --map my ring=my-ring"),
        (["--to", "csv", "--radius", "ring=big"], "--radius: expected NAME=NUMBER"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(dataset, tmp_path, capsys, options, words):
    assert run(["export", str(dataset), str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_is_no_data_set_is_said(tmp_path, capsys):
    assert run(["export", str(tmp_path), str(tmp_path / "out"), "--to", "csv"]) == 2
    assert "or tomograms (MRC, OME-Zarr) with --picks, found none" in capsys.readouterr().err


def test_the_help_names_every_format(capsys):
    run(["export", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert [name for name in FORMATS if f"{name}: " not in text] == []


def test_exports_are_no_part_of_what_a_recipe_makes():
    recipe = parse_recipe('export = "relion5"')
    assert recipe.export == ("relion5",)
    assert recipe.model_dump() == Recipe().model_dump()
