"""What the first lines of a file tell of it where its name does not."""

import re
from pathlib import Path

_BYTES = 4096  # chosen: titles of a .mdoc and declarations of an XML file take less
_SECTION = re.compile(rb"^\s*\[\s*(FrameSet|ZValue)\s*=", re.MULTILINE)
_ROOT = re.compile(rb"<([A-Za-z]\w*)")


def is_of_frame(path: Path) -> bool:
    """Tell whether a ``.mdoc`` is that of one image's frames: its first section is a FrameSet.

    Tomo5's tell one image as ``[ZValue = 0]``, and no second one.
    """
    head = _head(path)
    sections = _SECTION.findall(head)
    is_whole = len(head) < _BYTES
    return bool(sections) and (sections[0] == b"FrameSet" or (is_whole and len(sections) == 1))


def is_of_other_xml(path: Path) -> bool:
    """Tell whether an XML file is certainly none of a tilt-series: Warp's of movies, Tomo5's."""
    root = _ROOT.search(_head(path).replace(b"\0", b""))  # Warp 1 writes UTF-16
    return root is not None and root[1] != b"TiltSeries"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_BYTES)
    except OSError:  # said when the file is read
        return b""
