"""The numbers of an MRC file, section by section, from a plain or a gzipped stream."""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import numpy as np

from faket.data import AnyArray, FloatArray
from faket.io.failures import PathLike, cannot_read, input_error, notice
from faket.io.mrc.header import HEADER_BYTES, MrcLayout, parse_header
from faket.io.scratch import file_as_stack
from faket.io.text import regular_file_size
from faket.stacks import empty_stack

_DEFLATE_LIMIT = 1032  # zlib never packs more than this many bytes into one


@contextmanager
def opened(path: PathLike) -> Iterator[tuple[IO[bytes], MrcLayout]]:
    """Open a plain or gzipped file, positioned at its data, whose size has been checked."""
    size = regular_file_size(path)
    try:
        with open(path, "rb") as plain:
            raw = plain.read(HEADER_BYTES)
            packed = raw[:2] == b"\x1f\x8b" and raw[208:211] != b"MAP"
            if not packed:
                yield plain, _positioned(path, plain, raw, size)
                return
            plain.seek(0)
            with cast(IO[bytes], gzip.GzipFile(fileobj=plain)) as unpacked:
                raw = unpacked.read(HEADER_BYTES)
                yield unpacked, _positioned(path, unpacked, raw, size * _DEFLATE_LIMIT)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise input_error(
            path, f"expected a complete gzip file, found damage ({error}); copy it again"
        ) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def _positioned(path: PathLike, stream: IO[bytes], raw: bytes, limit: int) -> MrcLayout:
    layout = parse_header(raw, path)
    if layout.notice:
        notice(path, layout.notice)
    needed = layout.offset + layout.data_bytes
    if needed > limit:
        raise _truncated(path, needed, limit)
    stream.seek(layout.offset)
    return layout


def _truncated(path: PathLike, needed: int, found: int) -> Exception:
    return input_error(
        path,
        f"expected {needed} bytes as in its header, found {found}: it is truncated; copy it again",
    )


def sections(path: PathLike, stream: IO[bytes], layout: MrcLayout) -> Iterator[AnyArray]:
    """Read the stored sections one by one."""
    rows = layout.shape[1:]
    n_bytes = math.prod(rows) * layout.dtype.itemsize
    for index in range(layout.shape[0]):
        raw = stream.read(n_bytes)
        if len(raw) < n_bytes:
            raise _truncated(
                path, layout.offset + layout.data_bytes, layout.offset + index * n_bytes + len(raw)
            )
        yield np.frombuffer(raw, layout.dtype).reshape(rows)
    stream.read(1)  # makes gzip compare its check sum


def read_finite(
    path: PathLike, stream: IO[bytes], layout: MrcLayout, kept: AnyArray | None = None
) -> FloatArray:
    """Read sections as float32; InputError, naming the section, at NaN or infinity.

    ``kept``: the sections to read, ascending; all by default. A large file stays on the disk
    while :func:`faket.io.scratch.stacks_on_disk` says so, and is then read-only.
    """
    if kept is None and is_mappable(stream, layout):
        mapped = file_as_stack(path, layout.dtype, layout.offset, layout.shape)
        if mapped is not None:
            _check_all(path, mapped)
            return mapped
    wanted = range(layout.shape[0]) if kept is None else kept.tolist()
    place = {section: i for i, section in enumerate(wanted)}
    data = empty_stack((len(place), *layout.shape[1:]))
    for index, section in enumerate(sections(path, stream, layout)):
        if index in place:
            with np.errstate(all="ignore"):  # a signalling NaN would warn before it is found
                data[place[index]] = section
            check_finite(path, data[place[index]], index)
    return data


def map_finite(path: PathLike, layout: MrcLayout) -> FloatArray:
    """Map a file of float32 copy-on-write, after reading through it as :func:`read_finite`."""
    mapped = file_as_stack(path, layout.dtype, layout.offset, layout.shape)
    data = (
        np.memmap(path, np.float32, "c", layout.offset, layout.shape) if mapped is None else mapped
    )
    _check_all(path, data)
    return data


def is_mappable(stream: IO[bytes], layout: MrcLayout) -> bool:
    """Tell whether the file's bytes are those of an array of float32."""
    plain = layout.dtype == np.float32 and layout.dtype.isnative and layout.offset % 4 == 0
    return plain and not isinstance(stream, gzip.GzipFile)


def _check_all(path: PathLike, data: FloatArray) -> None:
    for index, section in enumerate(data):
        check_finite(path, section, index)


def check_finite(path: PathLike, section: AnyArray, index: int) -> None:
    """Raise InputError, naming the section, if a number in it is NaN or infinite."""
    bad = int(section.size - np.count_nonzero(np.isfinite(section)))
    if bad:
        raise input_error(
            path,
            f"section {index} (from 0): expected finite numbers, found {bad} NaN or infinite; "
            "replace them",
        )
