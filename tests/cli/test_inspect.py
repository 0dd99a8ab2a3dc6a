"""`faket inspect`: a page, a table, JSON; one line and exit code 2 for what cannot be opened."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from faket.cli.app import run
from faket.io.mrc import write_stack
from made_up_runs import imod, raw_images
from made_up_series import Truth


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two series as IMOD leaves them, and one without angles."""
    root, truth = tmp_path_factory.mktemp("runs"), Truth((140, 130))
    for name in ("a", "b"):
        (root / name).mkdir()
        imod(root / name, truth)
        noise = np.random.default_rng(5).normal(0, 3, (9, 130, 140))
        write_stack(root / name / "TS_01.mrc", raw_images(truth) + noise, 2.5)
    (root / "c").mkdir()
    write_stack(root / "c" / "TS_09.mrc", raw_images(truth), 2.5)
    return root


def test_a_page_names_the_source_of_each_value(folder: Path, capsys) -> None:
    assert run(["inspect", str(folder / "a")]) == 0
    page = capsys.readouterr().out
    for words in ("9 images of 140 x 130 pixels", "2.5 Å [TS_01.mrc (header of the stack)]",
                  "images 8 (from 0)", "84.3° from y [TS_01.xf", "aligned here by TS_01.xf",
                  "dose-symmetric [TS_01.mrc.mdoc", "3 e/Å² a tilt, 24 in all", "U and V 0.050 µm",
                  "40 degrees", "300 kV", "2.7 mm [assumed]", "no half sets"):  # fmt: skip
        assert words in page
    assert "\t" not in page


def test_json_is_the_same_page(folder: Path, capsys) -> None:
    assert run(["inspect", str(folder / "a"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["excluded"] == [8]
    assert found["pixel_size_A"] == {"value": 2.5, "source": "TS_01.mrc (header of the stack)"}
    assert len(found["angles_deg"]["value"]) == 8
    assert found["spherical_aberration_mm"]["source"] == "assumed"
    assert {problem["kind"] for problem in found["problems"]} <= {"refused", "doubt", "missing"}


def test_many_give_a_table(folder: Path, tmp_path: Path, capsys) -> None:
    table = tmp_path / "t.csv"
    code = run(["inspect", *(str(folder / name) for name in "abc"), "--table", str(table)])
    captured = capsys.readouterr()
    assert code == 2  # one of them cannot be opened; the others are there
    assert "TS_09.mrc: expected its tilt angles" in captured.err
    with open(table, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["TS_01", "TS_01", "TS_09"]
    assert rows[0]["used"] == "8"
    assert rows[0]["dose_e_per_A2"] == "24.00"
    assert rows[2]["verdict"] == "cannot be opened"
    assert captured.out.count("TS_01") == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "at least one reference"),
        (["{}/nowhere"], "nowhere: expected a stack"),
        (["{}/c"], "give --angles"),
        (["{}/a", "--table", "{}/t.txt"], "t.txt"),
        (["{}/a", "--pixel-size-A", "-1"], "pixel-size-A"),
    ],
)
def test_mistakes_are_one_line(folder: Path, capsys, words, expected) -> None:
    assert run(["inspect", *(word.format(folder) for word in words)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert expected in lines[0]


def test_commands_print_the_short_form_first(folder: Path, tmp_path: Path, capsys) -> None:
    clean = tmp_path / "clean.mrc"
    write_stack(clean, np.random.default_rng(0).normal(-50, 9, (9, 64, 64)), 5.0)
    (tmp_path / "clean.tlt").write_text("\n".join(map(str, Truth().refined)))
    words = ["noise", clean, folder / "a", tmp_path / "o.mrc", "--method", "noisy"]
    assert run([str(word) for word in words]) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert "8 tilts" in first
    assert "(1 excluded)" in first
    assert "aligned here by TS_01.xf" in first
    assert "defocus 3." in first
