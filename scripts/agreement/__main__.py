"""Whether other programs' readers find our particles where and as they are.

    python scripts/agreement OUT [FORMAT ...]

in an environment with the extra "agreement". A tomogram is made of copies of one particle without
any symmetry, at random places between voxels and in random orientations, and exported in each
format. The format's public reader reads the export; the particles are cut out at the poses that it
finds, as its documentation means them, and averaged. The average must be more like the particle
than what a mistake of the convention would give: the particle's mirror image, the inverse
rotations, places half a voxel off, places with their axes reversed; and so must the single ones.
A reader that needs an environment of its own (elsewhere.py) is left out unless its Python is named.

A row is printed for each format, with the correlation of the average and the mean one of single
particles; OUT/agreement.md and OUT/agreement.json have the same rows.
"""

import json
import os
import shutil
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import averages

import specimen
from faket.exchange.find import find_tomograms
from faket.exchange.run import export

READERS = sorted(path.stem for path in (Path(__file__).parent / "readers").glob("[a-z]*.py"))
_LEAST = 0.98  # chosen: cubic splines between voxels leave 0.999 of a particle cut out rightly
_HEAD = ("format", "read by", "particles", *averages.READINGS)


def main(arguments):
    """Run the formats that are named, or all; return 1 if one of them disagrees."""
    if not arguments:
        sys.exit(__doc__)
    out, names = Path(arguments[0]), arguments[1:] or [n for n in READERS if has_python(n)]
    shutil.rmtree(out, ignore_errors=True)
    truth = specimen.write_dataset(out / "data")
    rows = [checked(name, truth, out) for name in names]
    lines = table(rows)
    print("\n".join(lines))
    (out / "agreement.md").write_text("\n".join(lines) + "\n")
    (out / "agreement.json").write_text(json.dumps(rows, indent=1) + "\n")
    return int(not all(row["agrees"] for row in rows))


def has_python(name):
    """Return whether a reader can run; say which variable must name its Python otherwise."""
    variable = getattr(import_module(f"readers.{name}"), "PYTHON", None)
    if variable is None or variable in os.environ:
        return True
    print(f"{name}: left out, as {variable} names no Python")
    return False


def checked(name, truth, out):
    """Export, read and average one format; return its row."""
    reader = import_module(f"readers.{name}")
    folder = export(find_tomograms(out / "data"), out / "exports" / name, reader.FORMAT)
    found = reader.read(folder, specimen.NAME)
    correlations = averages.correlations(found, truth)
    right, *wrong = correlations.values()
    wrong = [pair for pair in wrong if pair is not None]
    least = getattr(reader, "LEAST", _LEAST)
    best = all(right[i] > max(least, *(pair[i] for pair in wrong)) for i in (0, 1))
    return {
        "format": name,
        "reader": f"{reader.READER} {installed(reader.READER)}".strip(),
        "particles": len(found.voxels),
        "turns": found.turns is not None,
        **correlations,
        "agrees": best and len(found.voxels) == len(truth.voxels),
    }


def installed(distribution):
    """Return the version of a distribution; nothing for what is no distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def table(rows):
    """Return the rows as lines of Markdown."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    for row in rows:
        about = [row["format"], row["reader"], str(row["particles"])]
        pairs = [row[name] for name in averages.READINGS]
        cells = [
            *about,
            *("–" if pair is None else "{:.3f} / {:.3f}".format(*pair) for pair in pairs),
        ]
        if not row["turns"]:
            cells[0] += " (places only)"
        lines.append("| " + " | ".join(cells) + " |" + ("" if row["agrees"] else " DISAGREES"))
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
