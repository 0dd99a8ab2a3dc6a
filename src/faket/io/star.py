"""The syntax of STAR files; ``star_picks`` knows what RELION and other programs write into them.

They are read with gemmi, because STAR has the syntax of CIF.
"""

import re
from collections.abc import Mapping, Sequence

from faket.io.failures import PathLike, input_error
from faket.io.text import read_text, write_text

_PLAIN = re.compile(r"[A-Za-z0-9+-][\w./:@+-]*", re.ASCII)
_RESERVED = re.compile(r"data_|loop_|global_|save_|stop_", re.IGNORECASE)

Table = dict[str, list[str]]


def read_star(path: PathLike) -> dict[str, Table]:
    """Read the blocks of a STAR file.

    Returns
    -------
    dict
        Block → column, without its underscore → values as text. A block of single values becomes
        columns of one row.

    Raises
    ------
    InputError
        If it is no STAR file; with the line.
    """
    from gemmi import cif

    try:
        document = cif.read_string(read_text(path))
    except (ValueError, RuntimeError) as error:
        raise input_error(
            path, f"expected a STAR file, found a mistake ({error}); correct it"
        ) from error
    return {block.name.strip(): _columns(block) for block in document}


def write_star(path: PathLike, blocks: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Write blocks of columns, each as a loop, as RELION 5 writes them.

    Raises
    ------
    InputError
        If columns differ in length or the file cannot be written.
    """
    from gemmi import cif

    lines = ["# version 50001"]
    for name, columns in blocks.items():
        lines += ["", f"data_{name}", "", "loop_"]
        lines += [f"_{column} #{i}" for i, column in enumerate(columns, start=1)]
        if len({len(values) for values in columns.values()}) > 1:
            raise input_error(
                path, f"block {name}: expected columns of one length, found several; correct them"
            )
        rows = zip(*columns.values(), strict=True)
        # Plain words stay bare: RELION takes quotes for a part of a name.
        lines += [" ".join(v if _is_plain(v) else cif.quote(v) for v in row) for row in rows]
        lines.append("")
    write_text(path, lines)


def _is_plain(value: str) -> bool:
    return bool(_PLAIN.fullmatch(value)) and not _RESERVED.match(value)


def _columns(block: object) -> Table:
    from gemmi import cif

    table: Table = {}
    for item in block:  # type: ignore[attr-defined]
        if item.pair is not None:
            table[item.pair[0].lstrip("_")] = [cif.as_string(item.pair[1])]
        elif item.loop is not None:
            values, width = item.loop.values, item.loop.width()
            for column, tag in enumerate(item.loop.tags):
                table[tag.lstrip("_")] = [cif.as_string(v) for v in values[column::width]]
    return table
