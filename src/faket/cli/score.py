"""The command `score`: picks against the true particles, as in SHREC'21 and CZII's challenge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from faket.cli.common import NotNegativeNumber, Positive, Seed
from faket.cli.outputs import OutFolder
from faket.cli.score_inputs import (
    PickOptions,
    leave_out,
    print_notes,
    read_all_picks,
    read_numbers,
    read_symmetries,
)
from faket.cli.score_tables import hollow_lines, report_lines
from faket.errors import InputError

if TYPE_CHECKING:
    from faket.evaluation import Picks, Scores, Summary, Truth

Names = Annotated[tuple[str, ...], Parameter(negative=())]


def score(
    *picks: Path,
    truth: Path,
    out: OutFolder | None = None,
    exclude: Names | None = None,
    symmetry: Names = (),
    tolerance_A: NotNegativeNumber = 0.0,
    radius: Names = (),
    weight: Names = (),
    species: str | None = None,
    map: Names = (),
    tomogram: str | None = None,
    euler: Literal["zxz", "ZXZ"] = "zxz",
    voxel_size_A: Positive | None = None,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
) -> None:
    """Compare picks in one tomogram with the true particles, as SHREC'21 and CZII's challenge do.

    "macro F1 with background" is the score that SHREC'21 published: the sum of the classes' F1
    divided by the number of classes plus one. "weighted F-beta" is that of the CZII challenge
    (beta = 4, so recall counts 16 times as much as precision): a pick is right within half the
    particle's radius of a true particle of its class.

    Parameters
    ----------
    picks
        Files of picks: text (name x y z in voxels), .csv (species,x_A,y_A,z_A), .star (RELION,
        Warp, M, STOPGAP), Dynamo's .tbl, motive lists (.em), IMOD's .mod, EMAN2's, the CryoET Data
        Portal's and DeepFinder's lists, copick's .json or a run's folder of them (see
        docs/formats.md). Several are runs of one method with different seeds; their scores are
        averaged.
    truth
        Folder of the labelled tomogram (SHREC'21's or faket's), or of the specimen.
    out
        Folder to write: scores.json, confusion.png and classes.png.
    exclude
        Class that is not scored; may be repeated; "none" scores all. If it is not in the truth,
        its picks are left out. [default: vesicle, and SHREC'21's 4V94]
    symmetry
        Symmetry of a class for angular errors, as NAME=C4; may be repeated.
    tolerance_A
        For hollow particles, whose centre is background, so that SHREC'21's rule counts a right
        pick as wrong: a pick on background then hits the particle whose centre is within this
        distance, in Å. Not for F-beta.
    radius
        Particle radius of a class in Å, for F-beta, as NAME=135; may be repeated. By default that
        of the challenge if all classes are its own; otherwise half the longest diameter of the
        class in the instance mask.
    weight
        Weight of a class in F-beta, as NAME=2; may be repeated. By default that of the challenge
        if all classes are its own; otherwise 1.
    species
        Class of all picks, instead of the classes in the files.
    map
        Class of the truth that a class of the files stands for, as THEIRS=OURS; may be repeated.
        THEIRS may be a number, as in rlnClassNumber.
    tomogram
        Name of the tomogram in files that hold several (rlnTomoName, rlnMicrographName, or
        Dynamo's number). [default: the name of the truth's folder]
    euler
        Convention of the Euler angles in SHREC'21's text files: zxz (about fixed axes) or ZXZ
        (about the particle's own axes).
    voxel_size_A
        Voxel size of the tomogram in Å, instead of the one in the masks' headers.
    pixel_size_A
        Pixel size of .star and .tbl files in Å, instead of the one in the files.
    seed
        Seed of the bootstrap, which gives the intervals.
    """
    from faket.evaluation import summarise_scores
    from faket.io.truth import TRUTH_FILES, read_truth
    from faket.io.verification import check_intact

    if not picks:
        raise InputError("score: expected at least one file of picks, found none; name one")
    symmetries = read_symmetries(symmetry)
    sizes = read_numbers(radius, "--radius"), read_numbers(weight, "--weight")
    check_intact([*picks, *(truth / name for name in TRUTH_FILES)])
    there = read_truth(truth, voxel_size_A=voxel_size_A, euler=euler)
    print_notes(truth, there.notes)
    options = PickOptions(euler, species, map, tomogram, pixel_size_A)
    found = read_all_picks(picks, truth, there, options)
    names = None if exclude is None else [name for name in exclude if name != "none"]
    found, excluded = leave_out(picks, found, there, names)
    results = [
        _scored(path, one, there, excluded, symmetries, tolerance_A, *sizes)
        for path, one in zip(picks, found, strict=True)
    ]
    if not results[0].classification.classes:
        left_out = ", ".join(results[0].excluded) or "the truth has none"
        raise InputError(
            f"score: expected at least one class to score, found all excluded ({left_out}); "
            "exclude fewer"
        )
    summary = summarise_scores(results, seed=seed)
    if out is not None:
        settings: dict[str, object] = {
            "exclude": exclude,
            "symmetry": symmetry,
            "seed": seed,
            "species": species,
            "tomogram": tomogram,
            "tolerance_A": tolerance_A,
            "euler": euler,
            "voxel_size_A": there.voxel_size_A,
            "pixel_size_A": pixel_size_A,
        }
        given = {"map": map, "radius": radius, "weight": weight}
        settings |= {name: value for name, value in given.items() if value}
        _write(out, picks, truth, results, summary, settings)
    print("\n".join([*report_lines(picks, results, summary), *hollow_lines(there, tolerance_A)]))


def _scored(
    path: Path,
    picks: "Picks",
    there: "Truth",
    excluded: list[str] | None,
    symmetries: dict[str, str],
    tolerance_A: float,
    radii_A: dict[str, float],
    weights: dict[str, float],
) -> "Scores":
    """Score one file; print a hint where another frame or convention would fit better."""
    from faket.evaluation import angle_hint, check_frame, frame_hint, score_picks

    try:
        check_frame(picks, there)
        scores = score_picks(
            picks,
            there,
            excluded=excluded,
            symmetries=symmetries,
            tolerance_A=tolerance_A,
            radii_A=radii_A,
            weights=weights,
        )
        hints = (frame_hint(picks, there), angle_hint(picks, there, symmetries))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    print_notes(path, [hint for hint in hints if hint])
    return scores


def _write(
    out: Path,
    picks: tuple[Path, ...],
    truth: Path,
    results: "list[Scores]",
    summary: "Summary",
    settings: dict[str, object],
) -> None:
    import json

    import numpy as np

    from faket.io.content import sha256_of
    from faket.io.manifest import plain, software_versions
    from faket.io.text import write_text
    from faket.io.truth import TRUTH_FILES
    from faket.report.score_figures import class_bars_figure, confusion_figure

    files = [
        {"picks": str(path), "sha256": sha256_of(path), "scores": result}
        for path, result in zip(picks, results, strict=True)
    ]
    content = {
        "truth": str(truth),
        "truth_sha256": {
            item.name: sha256_of(item) for item in map(truth.joinpath, TRUTH_FILES) if item.exists()
        },
        "settings": settings,
        "summary": summary,
        "files": files,
        "software": software_versions(),
    }
    text = json.dumps(plain(content, out), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(out / "scores.json", [text])
    labels = results[0].classification.labels
    confusion = np.sum([item.classification.confusion for item in results], axis=0)
    title = "" if len(results) == 1 else f"sum of {len(results)} seeds"
    confusion_figure(labels, confusion, out / "confusion.png", title=title)
    class_bars_figure({"picks": summary}, out / "classes.png")
