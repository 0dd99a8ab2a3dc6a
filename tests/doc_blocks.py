"""The blocks of code in README and docs, and small inputs on which the shell ones run."""

import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from faket.cli.app import run
from faket.data import Volume
from faket.evaluation.matching import Picks
from faket.io.mrc import write_volume
from faket.io.picks import write_picks
from faket.io.tilts import write_tilt_angles
from faket.pages.recipe_text import toml_lines
from faket.reconstruction import reconstruct
from made_up_datasets import SHAPE, VOXEL_A, particles, write_dataset
from made_up_runs import aretomo, raw_images, stack
from made_up_series import Truth
from made_up_tomograms import DEPTH, series

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FILES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in FILES}
# A comment before a block, which readers of the site do not see, names what runs it.
_BLOCK = re.compile(r"(?:<!-- run by: ([^\n]+?) -->\n)?```(sh|toml|python)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code; ``run_by``: the file that runs it, if its page's test does not."""

    page: str
    line: int
    language: str
    code: str
    run_by: str


def blocks(language=None):
    """Return the blocks of a language, or all, in the order of the pages."""
    found = [
        Block(page, text[: match.start()].count("\n") + 1, kind, code, run_by)
        for page, text in PAGES.items()
        for match in _BLOCK.finditer(text)
        for run_by, kind, code in [match.groups(default="")]
    ]
    return [block for block in found if language in (None, block.language)]


def commands(code):
    """Return the commands of a shell block: whole lines, without comments."""
    lines = code.replace("\\\n", " ").splitlines()
    found = [part.strip() for line in lines for part in line.split("#")[0].split(";")]
    return [part for part in found if part]


def small(recipe):
    """Return a recipe of a page with two small tomograms, for seconds instead of hours."""
    settings = tomllib.loads(recipe)
    specimen = {"size_voxels": [56, 48, 24], "voxel_size_A": 10.0, "vesicles": [0, 0]}
    settings["specimen"] = {**settings.get("specimen", {}), **specimen, "particles": [6, 6]}
    settings["tomograms"] = min(2, settings.get("tomograms", 2))
    for species in settings["species"]:
        if species.get("copies", 0) > 4:
            species["copies"] = 4
    settings["reconstruction"] = {"binning": 1}
    return "\n".join(toml_lines(settings)) + "\n"


# What is small in a test, by command: these options are added, or given another value.
SMALL = {
    "train": {
        "--preset": "quick", "--steps": "2", "--batch": "2", "--patch": "12",
        "--warm-up-steps": "0",
    },
    "match": {"--angular-step-deg": "60"},
    "style": {"--iterations": "1"},
    "project": {"--step-deg": "12"},
    "acquire": {"--angles": "angles.tlt"},
    "compare": {"--patch-px": "24"},
}  # fmt: skip


def shortened(words):
    """Return the words of a command with the options that make it short."""
    words = list(words)
    for option, value in SMALL.get(words[0], {}).items():
        if option in words:
            words[words.index(option) + 1] = value
        else:
            words += [option, value]
    return words


def write_molecules(folder):
    """Write small molecules under the names that pages use: a ball of alanines, and a blob."""
    chain, rng = gemmi.Chain("A"), np.random.default_rng(0)
    for i in range(120):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(str(i + 1))
        residue.entity_type = gemmi.EntityType.Polymer
        away = rng.normal(0, 1, 3)
        middle = 16 * np.cbrt(rng.uniform()) * away / np.linalg.norm(away)  # Å, uniform in a ball
        for name, element in (("N", "N"), ("CA", "C"), ("C", "C"), ("O", "O"), ("CB", "C")):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.b_iso = name, gemmi.Element(element), 50
            atom.pos = gemmi.Position(*(middle + rng.normal(0, 1, 3)))
            residue.add_atom(atom)
        chain.add_residue(residue)
    structure, model = gemmi.Structure(), gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    structure.write_pdb(str(folder / "1bxn.pdb"))
    structure.make_mmcif_document().write_file(str(folder / "4cr2.cif"))
    away = np.linalg.norm(np.indices((24, 24, 24)) - 12.0, axis=0)
    write_volume(folder / "emd_1234.map", Volume(np.exp(-(away**2) / 18).astype(np.float32), 5.0))


# A scheduler for one page: tasks of a job array run one after another, numbered as by SLURM.
_SBATCH = """#!/bin/sh -e
last=0
for word in "$@"; do
    case $word in --array=*) last=${word#--array=1-} ;; esac
    command=$word  # the last word is what --wrap holds
done
export SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=$last SLURM_ARRAY_TASK_STEP=1
export SLURM_ARRAY_TASK_COUNT=$last
for SLURM_ARRAY_TASK_ID in $(seq $last); do export SLURM_ARRAY_TASK_ID; sh -ec "$command" >&2; done
[ $last != 0 ] || env -u SLURM_ARRAY_TASK_COUNT -u SLURM_ARRAY_TASK_ID sh -ec "$command" >&2
echo 1
"""


def write_cluster(folder):
    """Write stand-ins for SLURM and an environment, and `small.toml`, the example once edited."""
    programs = {"sbatch": _SBATCH, "pip": "#!/bin/sh\n", "python3": "#!/bin/sh\n",
                "faket": f'#!/bin/sh\nexec {sys.executable} -m faket "$@"\n'}  # fmt: skip
    for name, text in programs.items():
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    activate = folder / "env" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    activate.write_text("")
    (folder / "small.toml").write_text(small(f'method = "noiseless"\n{_STAND_IN}'))


_STAND_IN = 'species = [{ source = "synthetic:syn-ring" }]'


def write_reference(folder):
    """Write a tilt-series with its angles beside it, as ``TS_01/TS_01.mrc``; and ``angles.tlt``."""
    write_tilt_angles(folder / "angles.tlt", np.arange(-60.0, 61.0, 12.0))
    (folder / "stand_in.toml").write_text(small(_STAND_IN))
    sample = folder / "stand_in"
    (folder / "TS_01").mkdir()
    assert run(["specimen", str(folder / "stand_in.toml"), str(sample)]) == 0
    stack = folder / "TS_01" / "TS_01.mrc"
    assert run(shortened(["acquire", str(sample), str(stack)])) == 0


def write_run(folder):
    """Write a tilt-series as AreTomo leaves it, its stack, and a tomogram, beside each other."""
    truth = Truth((140, 130))
    aretomo(folder / "TS_01", truth)
    stack(folder, "TS_01.st", raw_images(truth))
    shutil.copy(folder / "TS_01" / "TS_01.aln", folder)
    shutil.copy(folder / "TS_01" / "TS_01.mdoc", folder)
    write_volume(folder / "TS_01_rec.mrc", reconstruct(series(0), depth=DEPTH))


def write_labelled(folder):
    """Write a data set, picks of it and of others' tomograms, and a picker trained on it."""
    write_dataset(folder / "data")
    assert run(["export", str(folder / "data"), str(folder / "em"), "--to", "em"]) == 0
    shutil.copy(folder / "em" / "particles.em", folder)
    for index in range(2):
        there = particles(index)
        there = there.select(np.flatnonzero([name != "fiducial" for name in there.species]))
        tomogram = folder / "data" / f"model_{index}" / "reconstruction.mrc"
        _write_picks(folder / "picks" / f"model_{index}.csv", there.species, there)
        # Tomograms of others, whose picks have numbers for names.
        (folder / "tomograms").mkdir(exist_ok=True)
        shutil.copy(tomogram, folder / "tomograms" / f"TS_{index}.mrc")
        _write_picks(folder / "picks" / f"TS_{index}.csv", ("2",) * len(there), there)
    shutil.copy(tomogram, folder / "TS_026.mrc")
    _write_picks(folder / "TS_026.star", ("1",) * len(there), there)
    arguments = ["train", str(folder / "data"), "--out", str(folder / "picker")]
    assert run(shortened(arguments)) == 0


def _write_picks(path, species, there):
    write_picks(path, Picks(species, there.positions_A, there.rotations), SHAPE, VOXEL_A)
