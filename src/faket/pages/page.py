"""The page: a template, tables, and the data of each tomogram, written one after another."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from faket.io.atomic import atomic_path
from faket.pages.html import json_script, text

_ASSETS = files("faket.pages") / "assets"
_MARK = "<!-- {} -->"
_SCRIPTS = ("volume.js", "plot.js", "viewer.js", "page.js")


Made = tuple[str, Callable[[], dict[str, Any]]]


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes
    ----------
    title, lead : str
        Heading, and the sentence under it.
    before, after : sequence of str
        Sections in HTML, before and after those of the tomogram that is chosen.
    species : sequence of str
    tomograms : sequence of str
        Names, in the order of their data.
    neighbours : mapping or None
        Histogram of the distances between neighbouring molecules.
    """

    title: str
    lead: str
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    species: Sequence[str] = ()
    tomograms: Sequence[str] = ()
    neighbours: dict[str, Any] | None = None


def write_page(path: Path, page: Page, data: Iterable[Made]) -> Path:
    """Write a page; the data of a tomogram are made when it is their turn.

    Parameters
    ----------
    path : Path
    page : Page
    data : iterable of (name, function)
        "tomogram-0", … and the names of references, and what returns their data
        (:func:`faket.pages.tomogram.content`, :func:`faket.pages.stacks.stack_content`).
    """
    head, tail = _parts(page)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        stream.write(head)
        for name, make in data:
            stream.write(json_script(name, make()) + "\n")
        stream.write(tail)
    return path


def _parts(page: Page) -> tuple[str, str]:
    """Return what stands before and after the data of the tomograms."""
    shared = {
        "species": list(page.species),
        "tomograms": list(page.tomograms),
        "neighbours": page.neighbours,
    }
    before, _, after = _asset("page.html").partition(_MARK.format("data"))
    script = "<script>\n" + "\n".join(map(_asset, _SCRIPTS)) + "\n</script>"
    head = _filled(
        before,
        ("title", text(page.title)),
        ("style", f"<style>\n{_asset('page.css')}</style>"),
        ("heading", text(page.title)),
        ("lead", text(page.lead)),
        ("before", "\n".join(page.before)),
        ("after", "\n".join(page.after)),
    )
    return head + json_script("shared", shared) + "\n", _filled(after, ("script", script))


def _filled(template: str, *inserted: tuple[str, str]) -> str:
    """Replace marks in their order; what is inserted is not searched for marks."""
    pieces, rest = list[str](), template
    for name, content in inserted:
        before, mark, rest = rest.partition(_MARK.format(name))
        assert mark, name
        pieces += [before, content]
    return "".join([*pieces, rest])


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
