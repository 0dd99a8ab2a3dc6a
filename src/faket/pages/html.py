"""Pieces of HTML: every text from outside is escaped here."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_SHORT = 18  # characters of a cell that is not broken into lines; chosen


@dataclass(frozen=True)
class Fact:
    """A number or a word about the data, and the file that it is from."""

    name: str
    value: str
    source: str


def text(value: object) -> str:
    """Return a value as text that a browser shows as it is; controls become question marks."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in str(value))
    return escape(shown)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], source: str = "") -> str:
    """Return a table whose first column names the rows; a caption tells the source.

    Columns in which every cell is a number, or a dash, stand at the right.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(cells) and column > 0 and all(_is_number(row[column]) for row in cells)
        for column in range(len(head))
    ]
    lines = ['<div class="wide"><table>']
    if source:
        lines.append(f"<caption>{origin(source)}</caption>")
    titles = [_tag("th", name, right[i], ' scope="col"') for i, name in enumerate(head)]
    lines.append(f"<thead><tr>{''.join(titles)}</tr></thead><tbody>")
    for row in cells:
        first = _tag("th", row[0], False, ' scope="row"')
        others = [_tag("td", cell, right[i]) for i, cell in enumerate(row[1:], start=1)]
        lines.append(f"<tr>{first}{''.join(others)}</tr>")
    return "\n".join([*lines, "</tbody></table></div>"])


def facts_table(facts: Iterable[Fact]) -> str:
    """Return a table of facts, each with its file."""
    return table(("what", "value", "from the file"), [(f.name, f.value, f.source) for f in facts])


def section(name: str, title: str, *content: str) -> str:
    """Return a section with a heading, to which the menu leads."""
    body = "\n".join(content)
    return (
        f'<section id="{text(name)}" aria-labelledby="{text(name)}-title">'
        f'<h2 id="{text(name)}-title">{text(title)}</h2>\n{body}\n</section>'
    )


def paragraph(words: str) -> str:
    """Return a paragraph."""
    return f"<p>{text(words)}</p>"


def origin(source: str) -> str:
    """Return the line that tells from which file numbers are."""
    return f'<span class="source">from {text(source)}</span>'


def json_script(name: str, value: Any) -> str:
    """Return a value as JSON in a script element, from which no name of a file can break out."""
    content = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        content = content.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="{text(name)}">{content}</script>'


def _tag(kind: str, cell: str, right: bool, more: str = "") -> str:
    kinds = f"{'long' if len(cell) > _SHORT else 'short'}{' number' if right else ''}"
    return f'<{kind} class="{kinds}"{more}>{text(cell)}</{kind}>'


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


def _is_number(cell: str) -> bool:
    if cell == "–":
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True
