"""Several studies in one folder, one for each microscope, and one page over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.evaluation.intervals import METRICS
from faket.foreign import FORMATIONS
from faket.io.leftovers import holds_nothing
from faket.io.text import write_text
from faket.pipeline.foreign_microscope import PREFIX
from faket.study.figures import StudyRow
from faket.study.layout import STAMP, Study, open_study
from faket.study.page import ratio_cell, table_head, table_line
from faket.study.results import read_results, table_rows, write_report
from faket.study.settings import SEVERAL

PAGE = "study.md"
_SHOWN = {"localisation_f1": "Localisation F1", "f1_macro_with_background": "Classification F1"}


def open_studies(
    folder: Path,
    *,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    modalities: Sequence[str] | None = None,
    seeds: int | None = None,
    begin: bool = True,
) -> tuple[Study, ...]:
    """Begin or continue the study of a folder, or all the studies in it.

    Parameters
    ----------
    folder : Path
        Of a study; or, with a preset of several, of folders named after their microscopes.
    preset, changes, modalities, seeds, begin
        As for :func:`faket.study.layout.open_study`; a preset may be one of several studies.

    Raises
    ------
    InputError
        As there, or if the folder holds one study and several are wanted, or the reverse.
    """
    begun = {path.parent.name for path in folder.glob(f"*/{STAMP}")}
    parts = {_short(name): name for name in SEVERAL.get(preset or "", ())}
    rest: dict[str, Any] = {"modalities": modalities, "seeds": seeds, "begin": begin}
    if not begun and not parts:
        return (open_study(folder, preset=preset, changes=changes, **rest),)
    _check_folder(folder, preset, begun, parts)
    if not parts:
        names = sorted(begun)
        return tuple(open_study(folder / name, changes=changes, **rest) for name in names)
    return tuple(
        open_study(folder / short, preset=name, changes=changes, **rest)
        for short, name in parts.items()
    )


def _check_folder(
    folder: Path, preset: str | None, begun: set[str], parts: Mapping[str, str]
) -> None:
    if begun and preset and begun != {*parts}:
        raise InputError(
            f"{folder}: expected the studies {', '.join(sorted(begun))} to be continued, found "
            f"`preset` {preset}; leave it out, or choose another folder"
        )
    if parts and not begun and folder.exists() and not (folder.is_dir() and holds_nothing(folder)):
        raise InputError(
            f"{folder}: expected an empty folder for several studies, found other files; choose "
            "another folder"
        )


def _short(name: str) -> str:
    return name.rpartition("-")[2]


def write_reports(studies: Sequence[Study]) -> Path:
    """Write the page of every study and, if there are several, one over all; return the last.

    Raises
    ------
    InputError
        If a result is damaged.
    """
    pages = [write_report(study) for study in studies]
    if len(studies) == 1:
        return pages[0]
    path = studies[0].folder.parent / PAGE
    rows = {study.folder.name: table_rows(study, read_results(study)) for study in studies}
    links = [f"- [{s.folder.name}]({s.folder.name}/{PAGE}): {_about(s)}" for s in studies]
    lines = ["# Studies of several microscopes", "", *links, *joint_tables(rows)]
    write_text(path, lines)
    return path


def joint_tables(rows: Mapping[str, Sequence[StudyRow]]) -> Iterator[str]:
    """Yield the lines of a table for each score: a line for each row, a column for each study.

    Parameters
    ----------
    rows : mapping of str to sequence of StudyRow
        Study → its rows.
    """
    titles = dict.fromkeys(row.title for table in rows.values() for row in table)
    for metric, title in _SHOWN.items():
        yield from ("", f"## {title}", "")
        yield (
            "Mean over seeds and test tomograms; after it the ratio to BENCHMARK's, with its 68 % "
            "bootstrap interval over both."
        )
        yield ""
        yield from table_head("picker trained on", *rows)
        for name in titles:
            yield table_line(name, *(_cell(table, name, metric) for table in rows.values()))


def _about(study: Study) -> str:
    microscope = study.settings.microscope
    name = microscope.removeprefix(PREFIX)
    if name == microscope or not FORMATIONS[name].held_out:
        return f"microscope {microscope}"
    return f"microscope {microscope}, held out when methods were tuned"


def _cell(table: Sequence[StudyRow], title: str, metric: str) -> str:
    row = next((row for row in table if row.title == title), None)
    if row is None or row.summary is None:
        return "–"
    base = next((other for other in table if other.key == "benchmark"), None)
    mean = row.summary.metrics[metric].mean
    return f"{mean:.3f}; {ratio_cell(row, base, METRICS.index(metric))}"
