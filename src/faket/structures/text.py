"""The text of a coordinate file, from any encoding."""

import gzip
import re
import zlib
from pathlib import Path

from faket.errors import InputError

_MOST_BYTES = 2 * 10**9  # of text; chosen: the largest entries of the Protein Data Bank have 0.5
_CIF = re.compile(r"(\s|#[^\n]*\n)*data_", re.I)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """Read a text file, gzip or not, without byte-order mark; characters beyond ASCII become "?".

    Raises
    ------
    InputError
        If it cannot be read, is truncated, or holds more than 2 GB.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path}: expected a PDB or mmCIF file, found: {reason}") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: expected at most 2 GB of text, found more; give its map")
    if content.startswith(_UTF16):  # Windows editors
        text = content.decode("utf-16", errors="replace").encode("ascii", "replace").decode()
    else:
        text = content.removeprefix(b"\xef\xbb\xbf").translate(_ASCII).decode("ascii")
    return text if "\n" in text else text.replace("\r", "\n")


# NUL ends the strings of C.
_ASCII = bytes(ord(" ") if byte == 0 else byte if byte < 128 else ord("?") for byte in range(256))


def is_mmcif(text: str, path: Path) -> bool:
    """Tell mmCIF from PDB by the first word, or by the file's name if the text is ambiguous."""
    if _CIF.match(text):
        return True
    named = ".cif" in path.name.lower() or ".mmcif" in path.name.lower()
    return named and re.search(r"^(ATOM  |HETATM)", text, re.M) is None
