"""Damage every kind of input file in every way, and count how the commands that read it end.

    python scripts/mutate_inputs.py --runs 1000 --seed 0 [--only noise_profile] [--keep FOLDER]

A run ends rightly with exit code 0, or with 2 and one line. All else is listed once a kind:
tracebacks, other codes, several lines, runs of over --seconds. Commands run inside this process;
the small valid inputs take a minute to make.
"""

import argparse
import contextlib
import copy
import io
import json
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faket.cli.app import run

RECIPE = """
seed = 5
tomograms = 2
method = "spectral"
[[species]]
source = "synthetic:syn-ring"
copies = 2
[specimen]
size_voxels = [48, 48, 16]
voxel_size_A = 10.0
vesicles = [0, 0]
gold = [1, 1]
[tilts]
start_deg = -40
stop_deg = 40
step_deg = 20
[reconstruction]
binning = 1
"""
PDB = """\
ATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00  0.00           N
ATOM      2  CA  ALA A   1      11.639   6.071  -5.147  1.00  0.00           C
ATOM      3  C   ALA A   1      10.724   5.275  -4.239  1.00  0.00           C
ATOM      4  O   ALA A   1       9.517   5.498  -4.236  1.00  0.00           O
ATOM      5  CB  ALA A   1      11.839   7.486  -4.603  1.00  0.00           C
TER
END
"""
CIF = """\
data_x
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
ATOM 1 N N . ALA A 1 1 11.104 6.134 -6.504 1.00 0.00
ATOM 2 C CA . ALA A 1 1 11.639 6.071 -5.147 1.00 0.00
ATOM 3 C C . ALA A 1 1 10.724 5.275 -4.239 1.00 0.00
ATOM 4 O O . ALA A 1 1 9.517 5.498 -4.236 1.00 0.00
"""
STAR = """\
data_particles
loop_
_rlnTomoName #1
_rlnCoordinateX #2
_rlnCoordinateY #3
_rlnCoordinateZ #4
_rlnAngleRot #5
_rlnAngleTilt #6
_rlnAnglePsi #7
_faketSpecies #8
_rlnPixelSize #9
one 20.0 20.0 4.0 10 20 30 syn-ring 10.0
one 10.0 20.0 5.0 10 20 30 syn-ring 10.0
"""
WIDE = "--angular-step-deg=60"
TRAINING = ("--preset=quick", "--steps=1", "--patch=16", "--batch=1", "--width=0.1",
            "--warm-up-steps=0")  # fmt: skip


@dataclass
class Case:
    """A file to damage, and the commands that read it; ``{out}`` is a place that is free."""

    file: Path
    commands: list[list[str]]
    fresh: bool = False  # the folder of the file is made anew for every run
    folder: Path = field(default_factory=Path)


def make_cases(home: Path) -> dict[str, Case]:
    """Make one small valid input of every kind."""
    s = {name: str(home / name) for name in (
        "recipe.toml", "sample", "clean.mrc", "real.mrc", "noisy.mrc", "styled.mrc",
        "tomogram.mrc", "profile.safetensors", "data", "training", "a.pdb", "a.cif", "picks.star",
        "picks.csv", "picks.txt", "picks.tbl", "species", "study", "volume.mrc",
    )}  # fmt: skip
    (home / "recipe.toml").write_text(RECIPE)
    for name, text in (("a.pdb", PDB), ("a.cif", CIF), ("picks.star", STAR)):
        (home / name).write_text(text)
    (home / "picks.csv").write_text("species,x_A,y_A,z_A\nsyn-ring,200,200,40\n")
    (home / "picks.txt").write_text("syn-ring 20 20 4 10 20 30\nsyn-ring 10 20 5 0 0 0\n")
    (home / "picks.tbl").write_text(" ".join(["1"] * 35) + "\n")
    ok("specimen", s["recipe.toml"], s["sample"])
    ok("project", s["sample"], s["clean.mrc"], "--start-deg=-40", "--stop-deg=40", "--step-deg=20")
    ok("acquire", s["sample"], s["real.mrc"], "--angles", str(home / "clean.tlt"))
    ok("noise", s["clean.mrc"], s["real.mrc"], s["noisy.mrc"])
    ok("style", s["noisy.mrc"], s["noisy.mrc"], s["real.mrc"], s["styled.mrc"],
       "--save-profile", s["profile.safetensors"], "--iterations", "1")  # fmt: skip
    ok("reconstruct", s["real.mrc"], s["tomogram.mrc"], "--depth", "16")
    ok("species", "synthetic:syn-ring", "--out", s["species"], "--voxel-size-A", "10")
    ok("simulate", s["recipe.toml"], s["data"], "--no-figure")
    model = home / "data" / "model_0"
    ok("train", s["data"], "--out", s["training"], *TRAINING)
    make_study(home / "study")
    shutil.copy(home / "sample" / "potential.mrc", s["volume.mrc"])
    theirs = home / "shrec"  # a model as others have it: no table of faket's, no manifest
    ours = shutil.ignore_patterns("*.csv", "manifest.json", "run.json")
    shutil.copytree(home / "data" / "model_0", theirs, ignore=ours)

    score = ["score", "--truth", str(model)]
    picked = {
        kind: [[*score, s[f"picks.{kind}"], "--species=syn-ring"]]
        for kind in ("star", "csv", "txt", "tbl")
    }
    simulate = [["simulate", s["recipe.toml"], s["data"], "--no-figure"]]
    train = [["train", s["data"], "--out", s["training"], *TRAINING]]
    report = [["study", s["study"], "--report-only"]]
    acquire = ["acquire", s["sample"], "{out}.mrc"]
    reconstruct = ["reconstruct", s["real.mrc"], "{out}.mrc", "--depth", "8"]
    species = ["--out", "{out}", "--voxel-size-A", "10"]
    run_0 = home / "study" / "runs" / "benchmark" / "seed_0"
    reference = home / "data" / "reference_0"
    unmade = {"fresh": True, "folder": home / "data"}
    return {
        "recipe": Case(home / "recipe.toml", [["specimen", s["recipe.toml"], "{out}"],
                                              ["simulate", s["recipe.toml"], "{out}"]]),
        "pdb": Case(home / "a.pdb", [["species", s["a.pdb"], *species]]),
        "cif": Case(home / "a.cif", [["species", s["a.cif"], *species]]),
        "map": Case(home / "volume.mrc", [
            ["species", s["volume.mrc"], "--contour", "1", "--out", "{out}"],
            ["project", s["volume.mrc"], "{out}.mrc"]]),
        "stack": Case(home / "real.mrc", [reconstruct,
                                          ["noise", s["clean.mrc"], s["real.mrc"], "{out}.mrc"]]),
        "tlt": Case(home / "real.tlt", [reconstruct]),
        "geometry": Case(home / "real.csv", [[*reconstruct, "--angles", str(home / "real.csv")]]),
        "record": Case(home / "real.json", [
            [*acquire, "--record", str(home / "real.json")],
            ["match", s["tomogram.mrc"], "synthetic:syn-ring", "--out", "{out}.csv", WIDE,
             "--record", str(home / "real.json")]]),
        "classes": Case(home / "sample" / "classes.json", [acquire]),
        "class_mask": Case(home / "sample" / "class_mask.mrc", [acquire]),
        "specimen_particles": Case(home / "sample" / "particles.csv", [acquire]),
        "species_json": Case(home / "species" / "syn-ring" / "species.json", [
            ["match", s["tomogram.mrc"], str(home / "species" / "syn-ring"), "--out", "{out}.csv",
             WIDE, "--tilts", str(home / "real.tlt")]]),
        "profile": Case(home / "profile.safetensors", [
            ["style", s["noisy.mrc"], s["noisy.mrc"], s["profile.safetensors"], "{out}.mrc",
             "--iterations", "1"]]),
        **{f"picks_{kind}": Case(home / f"picks.{kind}", line) for kind, line in picked.items()},
        **{name: Case(model / name, [[*score, s["picks.txt"]]]) for name in (
            "particles.csv", "classes.txt", "occupancy_mask.mrc")},
        "particle_locations": Case(theirs / "particle_locations.txt", [
            ["score", "--truth", str(theirs), s["picks.txt"]]]),
        "class_mask_of_model": Case(model / "class_mask.mrc", train),
        "model_manifest": Case(model / "manifest.json", simulate),
        "model_run": Case(model / "run.json", simulate),
        "noise_profile": Case(reference / "noise_profile.json", simulate, **unmade),
        "reference_model": Case(reference / "reference_model.json", simulate, **unmade),
        "reference_manifest": Case(reference / "manifest.json", simulate, **unmade),
        "recipe_stamp": Case(home / "data" / "recipe.json", simulate, **unmade),
        "training_stamp": Case(home / "training" / "training.json", train),
        "last": Case(home / "training" / "last.safetensors", train),
        "best": Case(home / "training" / "best.safetensors", [
            ["pick", s["tomogram.mrc"], str(home / "training" / "best.safetensors"), "--out",
             "{out}.csv"]]),
        "study": Case(home / "study" / "study.json", report),
        "result": Case(run_0 / "result.json", report),
        "history": Case(run_0 / "training" / "history.csv", report),
        "tm_result": Case(home / "study" / "runs" / "tm" / "seed_0" / "result.json", report),
        "study_run": Case(home / "study" / "data" / "benchmark" / "model_0" / "run.json", report),
    }  # fmt: skip


def ok(*words: str) -> None:
    """Run a command that must succeed."""
    output = io.StringIO()
    with contextlib.redirect_stderr(output), contextlib.redirect_stdout(io.StringIO()):
        code = run(list(words))
    if code:
        raise SystemExit(f"the valid inputs cannot be made: {output.getvalue()}")


def make_study(folder: Path) -> None:
    """Write a study's records without running it; two results of one row, one of matching."""
    stage = {"seconds": 1.5, "peak_rss_MB": 100}
    place = {"n_picks": 9, "n_objects": 8, "found": 6, "missed": 2, "on_background": 2,
             "on_excluded": 0, "repeated": 1, "outside": 0, "recall": 0.75, "precision": 0.67,
             "f1": 0.71, "mean_distance_A": 12.5}  # fmt: skip
    counts = {"labels": ["background", "a"], "confusion": [[0, 0], [2, 6]], "unnamed": [0, 1]}
    result = {
        "scores": {"localisation": place, "classification": counts, "excluded": ["vesicle"],
                   "counted": []},
        "digests": {"test": "0" * 64},
        "costs": {"seconds": 9.0, "cpu_seconds": 8.0, "stages": {"training": stage}},
    }  # fmt: skip
    trained = {"objects": 20, "epochs": 8, "steps": 40, "best_epoch": 8, "before": 0}
    from faket.study.layout import open_study

    study = open_study(folder, preset="tiny", modalities=["benchmark", "tm"], seeds=2)
    study.save()
    plan = study.settings.training_settings(20, study.settings.steps)
    for row, seed in (("benchmark", 0), ("benchmark", 1), ("tm", 0)):
        own = folder / "runs" / row / f"seed_{seed}"
        (own / "training").mkdir(parents=True)
        training = {"training": {**trained, "epochs": plan.epochs}} if row == "benchmark" else {}
        (own / "result.json").write_text(json.dumps({**result, **training}))
        (own / "training" / "history.csv").write_text("epoch,loss,mean_f1\n1,0.5,\n2,0.4,0.3\n")
    data = folder / "data" / "benchmark" / "model_0"
    data.mkdir(parents=True)
    (data / "run.json").write_text(json.dumps({"stages": {"project": stage, "images": stage}}))


PIECES = (
    b"nan", b"inf", b"-1", b"", b",", b"\n", b"\r", b"\t", b'"', b"{", b"[", b"]", b"1e999",
    b"9" * 400, b"9" * 5000, b"-1e30", b"0", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"null", b"true",
    b"#", b"../", b"\xf4", "é".encode("latin-1"), "١".encode(), b"0.5", b"[" * 3000, b"loop_\n",
    b"1_0", b"0x" + b"f" * 5000, b"~nosuchuser/", b"1e-320",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -1e30, 1e-320, float("nan"),
    float("inf"), "", "x", "1", "é" * 300, [], {}, [[]], [1, "a"], {"a": 1}, [None], [[1, 2], [3]],
)  # fmt: skip


def mutated(raw: bytes, suffix: str, rng: random.Random) -> bytes:
    """Return a damaged copy; half of all damage to JSON is to its structure."""
    if suffix == ".json" and rng.random() < 0.5:
        return restructured(raw, rng)
    if suffix in (".csv", ".txt", ".star", ".tbl", ".tlt", ".toml", ".pdb", ".cif") and (
        rng.random() < 0.4
    ):
        return reworded(raw, rng)
    changed = bytearray(raw)
    head = 1100 if suffix in (".mrc", ".safetensors") and rng.random() < 0.8 else len(changed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(head, len(changed)) + 1)
        kind = rng.randrange(6)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at : at + rng.choice((1, 4, 50, 5000))]
        elif kind == 2:
            changed[at:at] = changed[at : at + rng.choice((1, 10, 500))]
        elif kind == 3:
            changed[at : at + rng.choice((0, 1, 4))] = rng.choice(PIECES)
        elif kind == 4:
            at -= at % 4
            number = rng.choice((0, 1, -1, 2**31 - 1, -(2**31), 2**16, 2**24))
            changed[at : at + 4] = number.to_bytes(4, "little", signed=True)
        elif rng.random() < 0.3:
            del changed[at:]
    if rng.random() < 0.03:
        return bytes(changed).decode("latin-1").encode(rng.choice(("utf-16", "utf-32")))
    return bytes(changed)


def restructured(raw: bytes, rng: random.Random) -> bytes:
    """Change, remove, add or nest an entry of JSON."""
    content = json.loads(raw)
    for _ in range(rng.randint(1, 3)):
        places = list(entries(content))
        if not places:
            break
        # Every name of an entry is as likely, however long the lists are.
        names = sorted({path_of(place) for place in places})
        wanted = rng.choice(names)
        holder, key, _ = rng.choice([p for p in places if path_of(p) == wanted])
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = [holder[key]] * rng.choice((0, 1, 2, 300))
        elif kind == 2 and isinstance(holder, dict):
            holder["unknown"] = copy.deepcopy(holder[key])
        elif kind == 3 and isinstance(holder[key], list) and holder[key]:
            holder[key] = holder[key][: rng.randrange(len(holder[key]))]
        elif kind == 4 and type(holder[key]) in (int, float):
            holder[key] = holder[key] * rng.choice((-1, 0, 1e6, 1e-6, 1e300))
        else:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
    text = json.dumps(content)
    if rng.random() < 0.05:
        text = "[" * rng.choice((50, 100_000)) + text
    return text.encode()


def entries(content: Any, path: str = "") -> Any:
    """Yield (holder, key, path) of all entries; of a list the first and the last two."""
    if isinstance(content, dict):
        keys: list[Any] = list(content)
    elif isinstance(content, list):
        keys = sorted({0, len(content) - 2, len(content) - 1} & set(range(len(content))))
    else:
        return
    for key in keys:
        own = f"{path}.{key if isinstance(content, dict) else '#'}"
        yield content, key, own
        yield from entries(content[key], own)


def path_of(place: Any) -> str:
    """Return the path of what :func:`entries` yields."""
    return str(place[2])


def reworded(raw: bytes, rng: random.Random) -> bytes:
    """Change words and lines of a text."""
    lines = raw.decode().splitlines(keepends=True)
    for _ in range(rng.randint(1, 3)):
        if not lines:
            break
        at = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at] * rng.choice((1, 3)))
        elif kind == 2:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        else:
            for mark in rng.sample((",", " ", "="), 3):
                words = lines[at].split(mark)
                if len(words) > 1:
                    piece = rng.choice(PIECES).decode("latin-1")
                    words[rng.randrange(len(words))] = piece
                    lines[at] = mark.join(words)
                    break
    return "".join(lines).encode()


@dataclass
class Outcome:
    """How a run ended: ``fault`` is empty where it ended rightly."""

    code: int | None
    fault: str
    detail: str = ""


def attempt(words: list[str], seconds: float) -> Outcome:
    """Run a command and judge how it ends."""
    output, start = io.StringIO(), time.monotonic()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(io.StringIO()):
            code = run(words)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "faket" in f.filename]
        fault = f"{type(error).__name__} at {ours[-1].filename}:{ours[-1].lineno} ({place.name})"
        return Outcome(None, fault, traceback.format_exc())
    lines = [line for line in output.getvalue().splitlines() if line.startswith("faket: ")]
    if code not in (0, 2):
        return Outcome(code, f"exit code {code}", output.getvalue())
    if code == 2 and len(lines) != 1:
        return Outcome(code, f"{len(lines)} lines of error", output.getvalue())
    if (taken := time.monotonic() - start) > seconds:
        return Outcome(code, f"{words[0]} took over {seconds:g} s", f"{taken:.1f} s")
    return Outcome(code, "")


def try_case(case: Case, name: str, runs: int, options: argparse.Namespace) -> Counter[str]:
    """Damage one file again and again; put it back in the end."""
    rng = random.Random(f"{options.seed} {name}")
    raw, counts = case.file.read_bytes(), Counter[str]()
    out = Path(options.home) / "out"
    spare = Path(options.home) / "spare"
    folder = case.folder if case.fresh else case.file.parent
    shutil.copytree(folder, spare, dirs_exist_ok=True, symlinks=True) if case.fresh else None
    for template in case.commands:
        ok(*(word.replace("{out}", str(out)) for word in template))
        clear(out)
    for number in range(runs):
        if case.fresh and folder.exists():
            shutil.rmtree(folder / "model_1", ignore_errors=True)
        damaged = mutated(raw, case.file.suffix, rng)
        case.file.write_bytes(damaged)
        template = case.commands[number % len(case.commands)]
        outcome = attempt([word.replace("{out}", str(out)) for word in template], options.seconds)
        counts[f"exit {outcome.code}"] += 1
        if outcome.fault:
            counts[f"! {outcome.fault}"] += 1
            if options.keep and counts[f"! {outcome.fault}"] == 1:
                keep(Path(options.keep), name, number, damaged, outcome)
        clear(out)
        if case.fresh:
            shutil.rmtree(folder)
            shutil.copytree(spare, folder)
    case.file.write_bytes(raw)
    shutil.rmtree(spare, ignore_errors=True)
    return counts


def clear(out: Path) -> None:
    """Remove what a run has written."""
    for left in out.parent.glob(f"{out.name}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def keep(folder: Path, name: str, number: int, damaged: bytes, outcome: Outcome) -> None:
    """Keep an input that was not taken rightly, and what happened."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_{number}").write_bytes(damaged)
    (folder / f"{name}_{number}.txt").write_text(f"{outcome.fault}\n{outcome.detail}")


def main() -> int:
    """Try all kinds and return 1 if any run ended wrongly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100, help="of each kind of file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", default=[], help="a kind; may be repeated")
    parser.add_argument("--seconds", type=float, default=60.0, help="longest run that is right")
    parser.add_argument("--keep", help="folder for inputs that were not taken rightly")
    parser.add_argument("--home", help="folder for the valid inputs; kept if given")
    parser.add_argument("--list", action="store_true", help="name the kinds and end")
    options = parser.parse_args()
    # A reader that takes all memory fails here, and not the machine.
    resource.setrlimit(resource.RLIMIT_AS, (24 * 2**30,) * 2)
    with tempfile.TemporaryDirectory() as temporary:
        options.home = options.home or temporary
        home = Path(options.home)
        home.mkdir(parents=True, exist_ok=True)
        cases = make_cases(home)
        if options.list:
            print("\n".join(cases))
            return 0
        total, faults = Counter[str](), 0
        for name in options.only or cases:
            start = time.monotonic()
            counts = try_case(cases[name], name, options.runs, options)
            total += counts
            wrong = {key: n for key, n in counts.items() if key.startswith("! ")}
            faults += sum(wrong.values())
            codes = ", ".join(f"{k}: {n}" for k, n in sorted(counts.items()) if k not in wrong)
            print(f"{name}: {codes} ({time.monotonic() - start:.0f} s)", flush=True)
            for key, n in wrong.items():
                print(f"  {n} x {key[2:]}", flush=True)
        runs = sum(n for key, n in total.items() if key.startswith("exit "))
        print(f"{runs} runs, {faults} ended wrongly")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
