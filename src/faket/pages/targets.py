"""What a report is about: the tomograms of a folder, and the files that lie beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faket.evaluation.matching import Picks
from faket.io.failures import input_error
from faket.io.model_folder import (
    ALL_MODELS,
    ALL_REFERENCES,
    CLASS_MASK,
    LOCATIONS,
    PARTICLES,
    PROJECTIONS_UNBINNED,
    RECONSTRUCTION,
    is_reconstruction,
    number_of,
    reference_name,
    stored,
)

# By one of these a folder is known as that of a tomogram.
_OF_A_MODEL = (RECONSTRUCTION, CLASS_MASK, PARTICLES, LOCATIONS, PROJECTIONS_UNBINNED)


@dataclass(frozen=True)
class PickSet:
    """Picks in one tomogram, their title, and the file that they are from."""

    title: str
    picks: Picks
    source: str


@dataclass(frozen=True)
class View:
    """A tomogram to show, with all that is known about it.

    Attributes
    ----------
    name : str
    folder : Path or None
        SHREC'21's or faket's folder of the tomogram, of which any file may be missing.
    tomogram : Path or None
        The tomogram, in the folder or elsewhere.
    reference : Path or None
        Folder of the reference that its images were made like.
    picks : tuple of PickSet
    """

    name: str
    folder: Path | None
    tomogram: Path | None
    reference: Path | None = None
    picks: tuple[PickSet, ...] = ()


def views_of(folder: Path) -> list[View]:
    """Return the tomograms of a data set, or of the folder of a single tomogram.

    Raises
    ------
    InputError
        If there is none.
    """
    models = [path for path in folder.glob(ALL_MODELS) if path.name.rpartition("_")[2].isdigit()]
    models.sort(key=lambda path: number_of(path.name))
    if not models and is_model(folder):
        models = [folder]
    if not models:
        raise input_error(
            folder, "expected a data set of `faket simulate`, a study, the folder of a tomogram or "
            "picks, found none of them; check the path"
        )  # fmt: skip
    return [view_of_model(model) for model in models]


def view_of_model(model: Path, picks: tuple[PickSet, ...] = ()) -> View:
    """Return the tomogram of one folder, with the reference beside it."""
    tomogram = stored(model / RECONSTRUCTION)
    return View(
        name=model.resolve().name,
        folder=model,
        tomogram=tomogram if tomogram.exists() else None,
        reference=_reference_beside(model),
        picks=picks,
    )


def view_of_tomogram(tomogram: Path, picks: tuple[PickSet, ...]) -> View:
    """Return the tomogram of a file: that of a folder with labels, or one that stands alone."""
    folder = tomogram.resolve().parent
    if is_reconstruction(tomogram) and is_model(folder):
        return view_of_model(folder, picks)
    return View(name=tomogram.name, folder=None, tomogram=tomogram, picks=picks)


def is_model(folder: Path) -> bool:
    """Return whether a folder holds a tomogram or its labels."""
    return any(stored(folder / name).exists() for name in _OF_A_MODEL)


def files_of(view: View) -> Iterator[Path]:
    """Yield the plain files in the folders of a tomogram and its reference."""
    for folder in (view.folder, view.reference):
        if folder is not None:
            yield from sorted(path for path in folder.iterdir() if path.is_file())


def _reference_beside(model: Path) -> Path | None:
    """Return the reference that a data set's tomogram was made like: they take turns."""
    folder = model.resolve()
    count = len(list(folder.parent.glob(ALL_REFERENCES)))
    tail = folder.name.rpartition("_")[2]
    if not count or not tail.isdigit():
        return None
    return folder.parent / reference_name(int(tail) % count)
