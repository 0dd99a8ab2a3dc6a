"""Reports of data sets, studies and picks: what is shown, and in which order."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from faket.io.failures import input_error
from faket.io.manifest import read_manifest
from faket.io.model_folder import MANIFEST
from faket.io.text import read_text
from faket.pages.html import Fact, facts_table, paragraph, section, text
from faket.pages.page import Made, Page, write_page
from faket.pages.recipe_text import toml_lines
from faket.pages.sprites import Detail
from faket.pages.stacks import reference_stack, stack_content
from faket.pages.study_tables import figures, score_sections, study_view
from faket.pages.tables import (
    distance_histogram,
    distance_table,
    hits_table,
    particle_table,
    tomogram_facts,
)
from faket.pages.targets import PickSet, View, files_of, view_of_tomogram, views_of
from faket.pages.tomogram import TomogramNumbers, content, hits_by_picks, measure, species_of
from faket.pipeline.claim import RECIPE
from faket.reports import Report
from faket.study.layout import STAMP


def report_on_folder(folder: Path, out: Path, *, most: int = 10, say: Report | None = None) -> Path:
    """Write the page of a data set, of the folder of a tomogram, of a study or of several.

    Parameters
    ----------
    folder : Path
        As ``faket simulate`` or ``faket study`` writes it, or SHREC'21's ``model_<i>``; or a folder
        in which there are studies.
    out : Path
        HTML file to write.
    most : int
        Number of tomograms whose images are shown; tables are of all.
    say : callable, optional
        Called with (tomogram, done, in all).

    Raises
    ------
    InputError
        If the folder is none of these, or a file in it is damaged.
    """
    studies = [each for each in (folder, *sorted(folder.glob("*"))) if (each / STAMP).exists()]
    if studies:
        return _report_on_studies(studies, out, most, say)
    views = views_of(folder)
    return _write(out, Page(f"Data set {_name(folder)}", ""), views, folder, most, say)


def _report_on_studies(folders: Sequence[Path], out: Path, most: int, say: Report | None) -> Path:
    """Write the page of one study, or of several with their names in all titles."""
    before, after, views = list[str](), list[str](), list[View]()
    for folder in folders:
        name = _name(folder) if len(folders) > 1 else ""
        study, view = study_view(folder)
        before += score_sections(study, name)
        after += figures(study, name)
        if view is not None:
            views.append(replace(view, name=f"{name} {view.name}".strip()))
    first = "the first test tomogram" + (" of each" if len(folders) > 1 else "")
    lead = f"The images are of {first}." if views else "No test tomogram yet."
    title = f"{'Studies' if len(folders) > 1 else 'Study'} {', '.join(map(_name, folders))}"
    return _write(out, Page(title, lead, before, after), views, None, most, say)


def report_on_views(
    views: Sequence[View], name: str, out: Path, *, most: int = 10, say: Report | None = None
) -> Path:
    """Write the page of picks in the tomograms of a data set, beside their truth.

    Parameters
    ----------
    views : sequence of View
        With picks; see :func:`faket.pages.pick_files.read_pick_views`.
    name : str
        Of the data set.
    out, most, say
        As of :func:`report_on_folder`.
    """
    return _write(out, Page(f"Picks in {name}", ""), views, None, most, say)


def report_on_picks(
    picks: Sequence[PickSet], tomogram: Path, out: Path, *, say: Report | None = None
) -> Path:
    """Write the page of picks in one tomogram, beside its truth where its folder has it.

    Raises
    ------
    InputError
        If a file of the tomogram is damaged.
    """
    view = view_of_tomogram(tomogram, tuple(picks))
    return _write(out, Page(f"Picks in {view.name}", ""), [view], view.folder, 1, say)


def _write(
    out: Path, page: Page, views: Sequence[View], folder: Path | None, most: int, say: Report | None
) -> Path:
    found = [measure(view) for view in views]
    species, shown = species_of(found), found[:most]
    page = replace(
        page,
        lead=page.lead or _lead(found, len(shown)),
        after=[*_glance(found), *_after(found, species), *page.after, *_made_of(views, folder)],
        species=species,
        tomograms=[each.view.name for each in shown],
        neighbours=distance_histogram(found),
    )
    return write_page(out, page, _data(shown, species, say or (lambda what, done, total: None)))


def _data(shown: Sequence[TomogramNumbers], species: Sequence[str], say: Report) -> Iterator[Made]:
    """Yield the data of tomograms, and of each of their references once."""
    known, detail = set(), Detail.for_tomograms(len(shown))
    for index, each in enumerate(shown):
        say(each.view.name, index, len(shown))
        stack = reference_stack(each.view)
        if stack is not None and stack.source not in known:
            known.add(stack.source)
            yield stack.path.parent.name, partial(stack_content, stack, each.view, detail)
        yield f"tomogram-{index}", partial(content, each, species, detail)


def _lead(found: Sequence[TomogramNumbers], shown: int) -> str:
    particles = sum(len(each.there.particles) for each in found if each.there)
    words = f"{_many(len(found), 'tomogram')}, {_many(particles, 'particle')}."
    if shown < len(found):
        words += f" Images are of the first {shown}; tables are of all."
    return words


def _glance(found: Sequence[TomogramNumbers]) -> Iterator[str]:
    facts = [*(tomogram_facts(found) if found else ()), *_recorded(found)]
    if facts:
        yield section("glance", "At a glance", facts_table(facts))


def _recorded(found: Sequence[TomogramNumbers]) -> Iterator[Fact]:
    """Yield what the manifest of the first tomogram records of its making."""
    folder = found[0].view.folder if found else None
    if folder is None or not (folder / MANIFEST).exists():
        return
    manifest, source = read_manifest(folder / MANIFEST), f"{found[0].view.name}/{MANIFEST}"
    settings = manifest.get("settings")
    for key in ("method", "seed"):
        if isinstance(settings, dict) and settings.get(key) is not None:
            yield Fact(key, str(settings[key]), source)
    software = manifest.get("software")
    if isinstance(software, dict) and "faket" in software:
        yield Fact("version of faket", str(software["faket"]), source)


def _after(found: Sequence[TomogramNumbers], species: Sequence[str]) -> Iterator[str]:
    counts = particle_table(found, species)
    hits = [hits_table(*row) for each in found for row in hits_by_picks(each.view)]
    if hits:
        rule = "A pick hits the particle whose label is at its place, as in SHREC'21."
        yield section("hits", "What the picks hit", paragraph(rule), *hits)
    if counts:
        yield section("particles", "Particles", counts)
    distances = distance_table(found)
    if distances:
        chart = '<figure class="plot" id="neighbours"></figure>'
        words = "From the centre of each molecule to the nearest other one of any species."
        yield section("distances", "Distances", paragraph(words), chart, distances)


def _made_of(views: Sequence[View], folder: Path | None) -> Iterator[str]:
    """Yield the recipe, as the folder or the first tomogram's manifest has it, and the files."""
    settings, source = _settings(views, folder)
    if settings:
        body = text("\n".join(toml_lines(settings)))
        words = f'<p><span class="source">from {text(source)}</span></p>'
        yield section("recipe", "Recipe", words, f'<pre tabindex="0">{body}</pre>')
    for view in views[:1]:
        names = [f"<li>{text(f'{path.parent.name}/{path.name}')}</li>" for path in files_of(view)]
        if names:
            listed = f'<ul class="files">{"".join(names)}</ul>'
            yield section("files", f"Files of {view.name}", listed)


def _settings(views: Sequence[View], folder: Path | None) -> tuple[dict[str, Any], str]:
    if folder is not None and (folder / RECIPE).exists():
        try:
            settings = json.loads(read_text(folder / RECIPE))
        except ValueError as error:
            raise input_error(
                folder / RECIPE, "expected a recipe in JSON, found damage; remove it"
            ) from error
        return settings if isinstance(settings, dict) else {}, RECIPE
    for view in views[:1]:
        if view.folder is not None and (view.folder / MANIFEST).exists():
            settings = read_manifest(view.folder / MANIFEST).get("settings")
            if isinstance(settings, dict):
                return settings, f"{view.name}/{MANIFEST}"
    return {}, ""


def _name(folder: Path) -> str:
    return folder.resolve().name


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
