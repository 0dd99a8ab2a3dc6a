"""`faket score`: a table, a JSON file, pictures; one line for what cannot be used."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faket.cli.app import run
from faket.data import Particles, Volume
from faket.evaluation import Picks
from faket.io.mrc import read_mask, write_mask
from faket.io.particles import write_particles
from faket.io.picks import write_picks
from faket.io.shrec.locations import read_particle_locations
from faket.io.shrec.model import write_shrec_model

SHAPE, VOXEL_A = (12, 40, 60), 10.0
NAMES = ["ring", "bean", "vesicle", "ring", "fiducial", "bean", "ring", "bean"]


@pytest.fixture
def model(tmp_path):
    """A model's folder and its perfect picks."""
    n = len(NAMES)
    centres = np.array([[7 * i + 4, 20 - 2 * (i % 3), 6] for i in range(n)])
    mask = np.zeros(SHAPE, np.uint16)
    for i, (x, y, z) in enumerate(centres, start=1):
        mask[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = i
    particles = Particles(
        np.arange(1, n + 1), tuple(NAMES), centres * VOXEL_A, Rotation.random(n, rng=0),
        np.full((n, 3), np.nan),
    )  # fmt: skip
    write_shrec_model(
        tmp_path / "model_0", grandmodel=Volume(np.zeros(SHAPE, np.float32), VOXEL_A),
        class_mask=np.zeros(SHAPE, np.uint8), occupancy_mask=mask, particles=particles,
    )  # fmt: skip
    (tmp_path / "model_0" / "classes.txt").write_text(
        "0 background\n1 ring\n2 bean\n3 vesicle\n4 gold\n"
    )
    return tmp_path / "model_0", Picks(tuple(NAMES), particles.positions_A, particles.rotations)


def save(folder, name, picks, keep=slice(None)):
    some = Picks(picks.species[keep], picks.positions_A[keep], picks.rotations[keep])
    write_picks(folder / name, some, SHAPE, VOXEL_A)
    return str(folder / name)


def test_seeds_of_every_format_with_files(model, tmp_path, capsys):
    truth, picks = model
    files = [
        save(tmp_path, "s0.txt", picks),
        save(tmp_path, "s1.csv", picks, slice(0, 6)),
        save(tmp_path, "s2.star", picks, slice(2, 8)),
    ]
    out = tmp_path / "scores"
    assert run(["score", *files, "--truth", str(truth), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "s1.csv: 6 picks, 5 of 7 objects found" in text
    assert "not scored: vesicle" in text
    assert "macro F1 with background" in text
    content = json.loads((out / "scores.json").read_text())
    assert content["settings"]["tolerance_A"] == 0
    assert {"particle_locations.txt", "occupancy_mask.mrc"} <= set(content["truth_sha256"])
    recalls = [item["scores"]["localisation"]["recall"] for item in content["files"]]
    assert recalls == [1, 5 / 7, 5 / 7]
    metrics = content["summary"]["metrics"]
    assert metrics["recall"]["mean"] == pytest.approx(np.mean(recalls))
    assert metrics["recall"]["interval_68"][0] >= 5 / 7
    assert content["files"][0]["scores"]["classification"]["f1_macro_with_background"] == 0.75
    assert content["files"][2]["scores"]["orientations"][0]["mean_deg"] == pytest.approx(
        0, abs=1e-4
    )
    for name in ("confusion.png", "classes.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in (out / "scores.json").read_text()
    first = (out / "scores.json").read_bytes()
    assert run(["score", *files, "--truth", str(truth), "--out", str(out)]) == 0
    assert (out / "scores.json").read_bytes() == first


def test_f_beta_with_radii_and_weights(model, tmp_path, capsys):
    """The ring's picks are 20 Å off: hits of particles of 40 Å, not of 39 Å."""
    truth, picks = model
    moved = np.where(np.array(picks.species)[:, None] == "ring", picks.positions_A + [0, 0, 20],
                     picks.positions_A)  # fmt: skip
    file = save(tmp_path, "p.csv", Picks(picks.species, moved, picks.rotations))
    arguments = ["score", file, "--truth", str(truth), "--exclude", "vesicle", "--exclude", "gold"]
    out = tmp_path / "out"
    for radius, weighted in (("40", 1.0), ("39", 0.25)):
        given = ["--radius", f"ring={radius}", "--weight", "RING=3", "--out", str(out)]
        assert run([*arguments, *given]) == 0
        score = json.loads((out / "scores.json").read_text())["files"][0]["scores"]["f_beta"]
        assert score["weighted"] == weighted
        # Three voxels a side: the corner is 17 Å from the centre.
        assert [(c["name"], round(c["radius_A"])) for c in score["classes"]] == [
            ("ring", int(radius)), ("bean", 17),
        ]  # fmt: skip
        text = capsys.readouterr().out
        assert ["weighted", "F-beta", f"{weighted:.4f}"] in [
            line.split()[:3] for line in text.splitlines()
        ]
    for given in (["--radius", "ring"], ["--weight", "ring=-1"], ["--radius", "=3"],
                  ["--radius", "dragon=3"], ["--radius", "ring=0"]):  # fmt: skip
        assert run([*arguments, *given]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert "expected" in lines[0]


def test_empty_picks_score_zero(model, tmp_path, capsys):
    truth, _ = model
    (tmp_path / "none.txt").write_text("")
    arguments = ["score", str(tmp_path / "none.txt"), "--truth", str(truth)]
    assert run([*arguments, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "0 picks, 0 of 7 objects found" in text
    assert "localisation F1              0.0000" in text


def test_excluded_classes_and_symmetry(model, tmp_path, capsys):
    truth, picks = model
    turned = Picks(picks.species, picks.positions_A,
                   picks.rotations * Rotation.from_euler("z", 90, degrees=True))  # fmt: skip
    file = save(tmp_path, "p.csv", turned)
    run(["score", file, "--truth", str(truth), "--exclude", "none", "--symmetry", "ring=C4"])
    text = capsys.readouterr().out
    assert "8 of 8 objects found" in text
    assert "not scored" not in text
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.endswith("°")}
    assert lines["ring"][2] == "0.0°"
    assert lines["bean"][2] == "90.0°"
    run(["score", file, "--truth", str(truth), "--exclude", "bean", "--exclude", "fiducial"])
    assert "4 of 4 objects found" in capsys.readouterr().out


def test_picks_outside_are_reported(model, tmp_path, capsys):
    truth, _ = model
    (tmp_path / "p.txt").write_text("ring 999 -5 3\nring 4 20 6\nbean 11 18 6\n")
    assert run(["score", str(tmp_path / "p.txt"), "--truth", str(truth)]) == 0
    assert "1 on background" in (text := capsys.readouterr().out)
    assert "1 outside the volume" in text


def test_an_interrupt_says_that_it_starts_again(model, monkeypatch, capsys):
    import faket.io.truth

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(faket.io.truth, "read_truth", interrupted)
    assert run(["score", "p.csv", "--truth", str(model[0])]) == 130
    assert "run the same command to start again" in capsys.readouterr().err


def test_hollow_classes_and_nothing_to_score_are_said(model, tmp_path, capsys):
    truth, picks = model
    file = save(tmp_path, "p.csv", picks)
    assert run(["score", file, "--truth", str(truth)]) == 0
    assert "lie on background" not in capsys.readouterr().out
    centres = np.rint(picks.positions_A / VOXEL_A).astype(int)
    mask = read_mask(truth / "occupancy_mask.mrc")
    for (x, y, z), name in zip(centres, picks.species, strict=True):
        if name == "ring":
            mask[z, y - 1 : y + 2, x - 1 : x + 2] = mask[z - 1 : z + 2, y, x] = 0
    write_mask(truth / "occupancy_mask.mrc", mask, VOXEL_A)
    assert run(["score", file, "--truth", str(truth)]) == 0
    assert "ring: 3 of 3 true centres lie on background" in capsys.readouterr().out
    every = [
        word for name in ("ring", "bean", "vesicle", "fiducial") for word in ("--exclude", name)
    ]
    assert run(["score", file, "--truth", str(truth), *every]) == 2
    assert "found all excluded (bean, fiducial, ring, vesicle)" in capsys.readouterr().err


def test_tolerance_is_said_to_be_no_part_of_the_rule(model, tmp_path, capsys):
    truth, _ = model
    (tmp_path / "p.txt").write_text("ring 4 20 10\n")
    for options, found in (([], 0), (["--tolerance-A", "45"], 1)):
        assert run(["score", str(tmp_path / "p.txt"), "--truth", str(truth), *options]) == 0
        text = capsys.readouterr().out
        assert f"{found} of 7 objects found" in text
        assert ("not SHREC'21's rule" in text) == bool(options)


def test_star_without_names_takes_the_species_given(model, tmp_path, capsys):
    truth, _ = model
    (tmp_path / "p.star").write_text(
        "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n4 20 6\n"
    )
    arguments = ["score", str(tmp_path / "p.star"), "--truth", str(truth)]
    assert run([*arguments, "--species", "ring"]) == 0
    assert "1 picks, 1 of 7 objects found" in capsys.readouterr().out
    assert run(arguments) == 2


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (
            "dragon 1 2 3\n",
            [],
            "p.txt: expected the classes ring, bean, vesicle, fiducial, found 'dragon'",
        ),
        ("ring 1 2\n", [], "line 1: expected name x y z"),
        ("", ["--exclude", "dragon"], "excluded classes: expected"),
        ("", ["--symmetry", "ring"], "expected NAME=SYMBOL"),
        ("", ["--symmetry", "ring=K3"], "symmetry: expected C1"),
        ("", ["--symmetry", "dragon=C3"], "symmetries: expected"),
        ("", ["--seed", "-1"], "seed"),
    ],
)
def test_bad_input_is_one_line(model, tmp_path, capsys, text, options, words):
    truth, _ = model
    (tmp_path / "p.txt").write_text(text)
    assert run(["score", str(tmp_path / "p.txt"), "--truth", str(truth), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error


def test_missing_files_are_one_line(model, tmp_path, capsys):
    truth, _ = model
    file = tmp_path / "p.txt"
    file.write_text("")
    for arguments in (
        ["score", "--truth", str(truth)],
        ["score", str(tmp_path / "no.txt"), "--truth", str(truth)],
        ["score", str(file), "--truth", str(tmp_path)],
        ["score", str(file), "--truth", str(truth), "--out", str(file)],
        ["score", str(file)],
    ):
        assert run(arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_names_are_mapped_and_left_out(model, tmp_path, capsys):
    truth, picks = model
    names = tuple({"ring": "R", "bean": "2", "vesicle": "junk"}.get(n, n) for n in picks.species)
    file = save(tmp_path, "p.csv", Picks(names, picks.positions_A, picks.rotations))
    arguments = ["score", file, "--truth", str(truth)]
    assert run(arguments) == 2
    assert "give --map R=CLASS or --exclude R" in capsys.readouterr().err
    assert run([*arguments, "--map", "R=ring", "--map", "2=bean"]) == 2
    assert "give --map junk=CLASS or --exclude junk" in capsys.readouterr().err
    options = ["--map", "R=ring", "--map", "2=bean", "--exclude", "junk", "--exclude", "vesicle"]
    out = tmp_path / "out"
    assert run([*arguments, *options, "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "p.csv: 1 picks of junk left out" in said.err
    assert "7 picks, 7 of 7 objects found" in said.out
    assert json.loads((out / "scores.json").read_text())["settings"]["map"] == ["R=ring", "2=bean"]
    for wrong in ("ring", "=ring", "R=", "R=dragon"):
        assert run([*arguments, "--map", wrong]) == 2
        assert "--map: expected" in capsys.readouterr().err


def test_another_frame_is_refused_with_the_factor(model, tmp_path, capsys):
    truth, picks = model
    wide = Picks(picks.species, picks.positions_A * 4)
    write_picks(tmp_path / "p.csv", wide, SHAPE, VOXEL_A)
    assert run(["score", str(tmp_path / "p.csv"), "--truth", str(truth)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "divided by 4 (they are of a tomogram binned 4 times less), 7 of 7 would hit" in error


def test_what_was_taken_for_granted_is_on_the_screen(model, tmp_path, capsys):
    truth, picks = model
    rows = zip(*np.rint(picks.positions_A / VOXEL_A).T.astype(int), strict=True)
    body = "".join(f"{x} {y} {z} {1 + (name == 'bean')} model_0\n" for (x, y, z), name in
                   zip(rows, picks.species, strict=True))  # fmt: skip
    columns = [*(f"rlnCoordinate{a}" for a in "XYZ"), "rlnClassNumber", "rlnTomoName"]
    head = "".join(f"_{column}\n" for column in columns)
    (tmp_path / "p.star").write_text(f"data_\nloop_\n{head}{body}1 1 1 1 other\n")
    assert run(["score", str(tmp_path / "p.star"), "--truth", str(truth)]) == 0
    said = capsys.readouterr()
    assert "8 of 9 picks are of model_0" in said.err
    assert "read as voxels of 10 Å" in said.err
    assert "1 = ring, 2 = bean" in said.err
    assert "8 picks, 7 of 7 objects found" in said.out


def test_shrecs_numbers_are_not_read_into_other_classes(model, tmp_path, capsys):
    truth, _ = model
    (truth / "classes.txt").unlink()
    (tmp_path / "p.star").write_text(
        "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnCoordinateZ\n_rlnClassNumber\n"
        "4 20 6 2\n"
    )
    assert run(["score", str(tmp_path / "p.star"), "--truth", str(truth)]) == 2
    assert "expected a species, found 2; give --map 2=NAME" in capsys.readouterr().err


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["p.star", "p.csv", "p.txt", "p.tbl", "particles.csv", "classes.txt",
                     "classes.json", "particle_locations.txt"]),
    st.integers(0, 10**6),
    st.sampled_from([b"", b"\0", b"\xff", b"nan", b"-", b"\n", b",", b"'", b"1e999", b"{", b"#"]),
    st.integers(0, 40),
)  # fmt: skip
def test_damaged_tables_score_or_give_one_line(model, tmp_path, capsys, name, at, bytes_, cut):
    """Cut some bytes out of one of the files and put others there."""
    truth, picks = model
    save(tmp_path, "p.star", picks)
    save(tmp_path, "p.csv", picks)
    save(tmp_path, "p.txt", picks)
    (tmp_path / "p.tbl").write_text("".join(f"{i} " + "1 " * 25 + "\n" for i in range(3)))
    folder = tmp_path / "truth"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(truth, folder)
    table = read_particle_locations(folder / "particle_locations.txt", VOXEL_A)
    if name in ("particles.csv", "classes.json"):
        write_particles(folder / "particles.csv", table)
    if name == "classes.json":
        (folder / "classes.txt").unlink()
        text = {str(i): {"name": n, "material": "protein"} for i, n in enumerate(set(NAMES), 1)}
        (folder / name).write_text(json.dumps(text))
    path = tmp_path / name if name.startswith("p.") else folder / name
    content = path.read_bytes()
    at %= len(content)
    path.write_bytes(content[:at] + bytes_ + content[at + cut :])
    file = tmp_path / (name if name.startswith("p.") else "p.csv")
    code = run(["score", str(file), "--truth", str(folder), "--map", "1=ring"])
    error = capsys.readouterr().err
    assert code in (0, 2)
    assert "Traceback" not in error
    if code == 2:
        assert error.splitlines()[-1].startswith("faket: ")


@pytest.mark.parametrize(
    "name",
    ["relion30_origin_px.star", "relion30_magnification.star", "warp_normalised.star", "crop.tbl",
     "two_optics_groups.star", "class_numbers.star"],
)  # fmt: skip
def test_what_other_programs_wrote_is_found(real_data, capsys, name):
    folder = real_data / "bugs" / "star-and-tables"
    options = [] if name == "class_numbers.star" else ["--species", "alpha", "--tolerance-A", "20"]
    assert run(["score", str(folder / name), "--truth", str(folder / "truth"), *options]) == 0
    assert "8 of 8 objects found" in capsys.readouterr().out
