"""Pages of data sets, studies and picks."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faket.cli.app import run
from faket.errors import InputError
from faket.evaluation.matching import Picks
from faket.io.manifest import write_manifest
from faket.io.model_folder import (
    CLASS_NAMES,
    LOCATIONS,
    PARTICLES,
    RECONSTRUCTION,
    manifest_beside,
    model_name,
)
from faket.io.particles import read_particles
from faket.io.picks import write_picks
from faket.pages.pick_files import read_pick_sets
from faket.pages.report import report_on_folder, report_on_picks
from faket.pages.sprites import Detail
from faket.study.layout import open_study


class Elements(HTMLParser):
    """All elements of a page, and the content of its scripts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts, self.text = [], {}, ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag, attributes = self.found[-1] if self.found else ("", {})
        if tag == "script" and attributes.get("type") == "application/json" and data.strip():
            self.scripts[attributes["id"]] = json.loads(data)
        self.text += data


def read(path):
    return Elements(path.read_text())


def test_the_page_of_a_data_set_has_its_tomograms_and_one_reference(made_up, tmp_path):
    folder = made_up(models=3)
    page = read(report_on_folder(folder, tmp_path / "page.html", most=2))
    assert page.scripts["shared"]["tomograms"] == ["model_0", "model_1"]
    assert set(page.scripts) == {"shared", "tomogram-0", "tomogram-1", "reference_0"}
    first = page.scripts["tomogram-0"]
    assert [each["title"] for each in first["grey"]] == ["tomogram", "potential"]
    assert [each["title"] for each in first["stacks"]] == ["images", "noise-free projections"]
    assert first["stacks"][0]["angles"] == [-40, -20, 0, 20, 40]
    # Particle 2 is at voxel (12, 6, 6) of 1 nm, of the second species.
    assert first["true"]["rows"][1] == [1, 12, 6, 6]
    assert "3 tomograms, 12 particles. Images are of the first 2; tables are of all." in page.text
    assert 'name = "made up"' in page.text
    # Neighbours are 8 voxels of 1 nm apart.
    counts, edges = (np.array(page.scripts["shared"]["neighbours"][k]) for k in ("counts", "edges"))
    assert counts.sum() == counts[-1] == 12
    assert edges[-1] == 8


def test_nothing_is_loaded_from_elsewhere(made_up, tmp_path):
    text = report_on_folder(made_up(), tmp_path / "page.html").read_text()
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a vocabulary
    for tag, attributes in Elements(text).found:
        assert tag != "link"
        assert not str(attributes.get("src", "data:")).startswith(("http", "/", "file"))


@pytest.mark.parametrize(
    ("gone", "missing"),
    [
        (PARTICLES, None),  # SHREC's table is read
        (RECONSTRUCTION, "tomogram"),
        ("class_mask.mrc", "labels"),
        ("projections_unbinned.mrc", "images"),
        ("projections_unbinned.tlt", "images"),
        ("occupancy_mask.mrc", None),
    ],
)
def test_any_file_may_be_missing(made_up, tmp_path, gone, missing):
    folder = made_up(reference=False)
    (folder / "model_0" / gone).unlink()
    shown = read(report_on_folder(folder, tmp_path / "page.html")).scripts["tomogram-0"]
    titles = {each["title"] for each in [*shown["grey"], *shown["stacks"]]}
    titles |= {"labels"} if shown["labels"] else set()
    everything = {"tomogram", "potential", "images", "noise-free projections", "labels"}
    hidden = {"noise-free projections"} if gone.endswith(".tlt") else set()  # they share angles
    assert titles == everything - {missing} - hidden
    assert len(shown["true"]["rows"]) == 4


def test_a_tomogram_without_particles(made_up, tmp_path):
    page = read(report_on_folder(made_up(particles=0), tmp_path / "page.html"))
    assert page.scripts["tomogram-0"]["true"]["rows"] == []
    assert page.scripts["shared"]["neighbours"] is None


def test_a_folder_of_one_tomogram_alone(made_up, tmp_path):
    page = read(report_on_folder(made_up() / "model_0", tmp_path / "page.html"))
    assert page.scripts["shared"]["tomograms"] == ["model_0"]


def test_other_folders_are_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match="expected a data set of `faket simulate`"):
        report_on_folder(tmp_path, tmp_path / "page.html")


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1,
                        max_size=20), min_size=1, max_size=3, unique_by=str.casefold))  # fmt: skip
def test_names_stay_names_whatever_they_contain(tmp_path_factory, names):
    check_names(tmp_path_factory.mktemp("names"), [*names, "<script>alert(1)</script>", "a&b\"'"])


def check_names(tmp_path, names):
    folder = tmp_path / "model_0"
    folder.mkdir()
    rows = [f"{i + 1},{quoted(name)},{i},2,3,0,0,0,1,,," for i, name in enumerate(names)]
    header = "id,species,x_A,y_A,z_A,qx,qy,qz,qw,a_A,b_A,c_A"
    (folder / PARTICLES).write_text("\n".join([header, *rows]) + "\n")
    lines = "".join(f"{i} {name}\n" for i, name in enumerate(names, start=1))
    (folder / CLASS_NAMES).write_text(lines)
    from faket.data import Volume
    from faket.io.mrc import write_volume

    noise = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    write_volume(folder / RECONSTRUCTION, Volume(noise, 10.0))
    page = read(report_on_folder(folder, tmp_path / "page.html"))
    assert page.scripts["shared"]["species"] == ["fiducial" if n == "gold" else n for n in names]
    assert sum(tag == "script" for tag, _ in page.found) == 3  # two of data, one of code
    assert "<script>alert(1)</script>" in page.text
    assert {"onerror", "onload"}.isdisjoint(key for _, found in page.found for key in found)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_picks_beside_the_truth(made_up, tmp_path):
    model = made_up() / model_name(0)
    picks = tmp_path / "picks.csv"
    # The first two particles, one as the other species; then background, of an unknown class.
    rows = ["ring,40,60,60", "ring,120,60,60", "<b>,200,230,10"]
    picks.write_text("species,x_A,y_A,z_A\n" + "\n".join(rows) + "\n")
    tomogram = model / RECONSTRUCTION
    page = read(report_on_picks(read_pick_sets(picks, tomogram), tomogram, tmp_path / "p.html"))
    assert page.scripts["shared"]["species"] == ["ring", "star", "<b>"]
    (found,) = page.scripts["tomogram-0"]["picks"]
    assert found["rows"] == [[0, 4, 6, 6], [0, 12, 6, 6], [2, 20, 23, 1]]
    cells = re.sub(r"\s+", " ", page.text)
    assert "Picks: picks.csv" in cells
    table = (tmp_path / "p.html").read_text().split('id="hits"')[1].split("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table.split("<tr>")[2:]]
    # species, true, picked, found, of their class, of another, missed
    assert rows[0][:7] == ["ring", "2", "2", "1", "1", "0", "1"]
    assert rows[1][:7] == ["star", "2", "0", "1", "0", "1", "1"]
    assert rows[2][:7] == ["&lt;b&gt;", "0", "1", "0", "0", "0", "0"]


def test_picks_in_a_tomogram_that_stands_alone(made_up, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    tomogram = (made_up() / model_name(0) / RECONSTRUCTION).rename(alone / "t.mrc")
    (alone / "picks").mkdir()
    for name in ("a.csv", "b.csv"):
        (alone / "picks" / name).write_text("species,x_A,y_A,z_A\nring,40,60,60\n")
    sets = read_pick_sets(alone / "picks", tomogram)
    page = read(report_on_picks(sets, tomogram, tmp_path / "p.html"))
    shown = page.scripts["tomogram-0"]
    assert [each["title"] for each in shown["picks"]] == ["a.csv", "b.csv"]
    assert shown["true"] is None


def test_picks_in_all_tomograms_of_a_data_set(made_up, tmp_path, capsys):
    """Files named after the tomograms; one without picks is left out."""
    folder = made_up(models=3)
    for index in (0, 2):
        there = read_particles(folder / f"model_{index}" / "particles.csv")
        place = tmp_path / "picks" / f"model_{index}"
        path = place / "mine.csv" if index else place.with_suffix(".csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picks(path, Picks(there.species, there.positions_A), (12, 24, 32), 10.0)
    out = tmp_path / "page.html"
    arguments = ["report", str(tmp_path / "picks"), "--tomogram", str(folder), "--out", str(out)]
    assert run(arguments) == 0
    shown = read(out).scripts
    assert shown["shared"]["tomograms"] == ["model_0", "model_2"]
    titles = [shown[f"tomogram-{i}"]["picks"][0]["title"] for i in (0, 1)]
    assert titles == ["model_0.csv", "mine.csv"]
    assert run(["report", str(tmp_path), *arguments[2:]]) == 2
    assert "named after the tomograms" in capsys.readouterr().err


def test_picks_of_another_tomogram_are_refused(made_up, tmp_path):
    folder = made_up(models=2)
    own, other = (folder / model_name(i) / RECONSTRUCTION for i in range(2))
    picks = tmp_path / "picks.csv"
    picks.write_text("species,x_A,y_A,z_A\nring,40,60,60\n")
    manifest = manifest_beside(picks)
    write_manifest(manifest, kind="pick", settings={}, seed=None, inputs=[own], outputs=[picks])
    assert len(read_pick_sets(picks, own)) == 1
    with pytest.raises(InputError, match=r"expected picks that were made from .*model_1"):
        read_pick_sets(picks, other)


def test_the_command(made_up, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = made_up()
    out = folder / "report.html"
    for _ in range(2):  # an earlier page in the folder is replaced
        assert run(["report", str(folder), "--out", str(out)]) == 0
        assert capsys.readouterr().out == f"{out}\n"
    picks = tmp_path / "picks.csv"
    picks.write_text("species,x_A,y_A,z_A\n")
    assert run(["report", str(picks)]) == 2
    assert "give --tomogram" in capsys.readouterr().err
    tomogram = folder / model_name(0) / RECONSTRUCTION
    assert run(["report", str(picks), "--tomogram", str(tomogram)]) == 0
    assert (tmp_path / "report.html").exists()
    assert run(["report", str(tmp_path / "nothing")]) == 2
    assert run(["report", str(folder), "--out", "page.txt"]) == 2
    (folder / model_name(0) / LOCATIONS).unlink()
    (folder / model_name(0) / PARTICLES).write_text("id,species\n1,a\n")
    assert run(["report", str(folder)]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("faket: ")]
    assert len(errors) == 3


def test_a_study_that_has_only_begun(tmp_path):
    open_study(tmp_path / "study", preset="tiny", modalities=["benchmark", "style"]).save()
    page = read(report_on_folder(tmp_path / "study", tmp_path / "page.html"))
    assert page.scripts["shared"]["tomograms"] == []
    assert "No test tomogram yet." in page.text
    assert page.text.count("0 of 1") == 2


def test_studies_beside_each_other_are_on_one_page(tmp_path):
    for name in ("a", "b"):
        open_study(tmp_path / "all" / name, preset="tiny", modalities=["benchmark"]).save()
    page = read(report_on_folder(tmp_path / "all", tmp_path / "page.html"))
    assert "Studies a, b" in page.text
    assert "Scores: a" in page.text
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert "scores-b" in ids
    assert len(ids) == len(set(ids))


def test_ten_tomograms_share_the_room_that_three_have():
    few, ten = Detail.for_tomograms(3), Detail.for_tomograms(10)
    assert few == Detail.for_tomograms(1)
    assert ten.pixels == 0.3 * few.pixels
