"""Where a study stands: its data sets, and its runs."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from faket.errors import InputError
from faket.pipeline.standing import Standing, sorted_records, standing_of
from faket.study.layout import STAMP, Run, Study, open_study
from faket.study.records import RESULT, read_run


def is_study(folder: Path) -> bool:
    """Return whether a folder holds a study, or several."""
    return bool(_folders(folder))


def standings_of(folder: Path) -> tuple[Standing, ...]:
    """Return where the data sets and the runs of a study stand, or of all studies of a folder.

    Nothing is locked, nothing stays written.

    Raises
    ------
    InputError
        If the settings of a study cannot be read.
    """
    found = list[Standing]()
    for place in _folders(folder):
        prefix = "" if place == folder else f"{place.name}/"
        study = open_study(place, begin=False)
        data = [standing_of(place / "data" / kind.key) for kind in study.data_kinds()]
        found += [replace(one, name=f"{prefix}data/{one.name}") for one in data]
        found.append(replace(_runs(study), name=f"{prefix}runs"))
    return tuple(found)


def _folders(folder: Path) -> list[Path]:
    if (folder / STAMP).exists():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{STAMP}"))


def _runs(study: Study) -> Standing:
    every = study.runs()
    made = [run for run in every if _is_finished(study, run)]
    records = sorted_records(study.folder, {run.record_name for run in made})
    seconds = list[float]()
    for run in made:
        with suppress(InputError, OSError):
            seconds.append(read_run(study.run_folder(run) / RESULT).costs.seconds)
    mean = sum(seconds) / len(seconds) if seconds else None
    return Standing("runs", len(made), len(every), *records, mean)


def _is_finished(study: Study, run: Run) -> bool:
    with suppress(InputError, OSError):  # a result that is being written, or is damaged
        return study.is_finished(run)
    return False
