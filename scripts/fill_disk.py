"""Let the disk be full at instants of a run, free it, resume, and compare the bytes.

    python scripts/fill_disk.py FOLDER --count 100 [--tmpfs] [--workers 2] [--seed 0]

A run makes four tomograms; what computes is replaced by something quick, as in kill_cluster.py. The
disk is full from a file system event drawn at random on: nothing new can be opened for writing,
made or renamed. With --tmpfs (as root) FOLDER is instead a file system in memory of a size drawn at
random, where writing itself fails. The command must end with one line of what is wrong, leave
nothing half-written, and after there is room again make what one run with enough room makes.
"""

import argparse
import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kill_cluster import check_whole, kill_everywhere, stand_in

from faket.errors import InputError
from faket.io import atomic
from faket.pipeline import dataset

TOMOGRAMS = 4
BYTES = 50_000  # of a tomogram, so that a disk is full while one is written
ROOM_MB = 64
_MAKING = ("os.rename", "os.mkdir", "os.link", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    """Fill and free the disk as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--tmpfs", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    larger_tomograms()
    if asked.tmpfs:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM_MB}m", "full", asked.folder])
    try:
        wrong = trials(asked)
    finally:
        if asked.tmpfs:
            subprocess.run(["umount", asked.folder])
    sys.exit(bool(wrong))


def larger_tomograms() -> None:
    """Replace what computes; no disk is too small for it before it begins."""
    stand_in()
    quick = kill_everywhere.make_model

    def make_model(plan: Any, index: int, say: Any) -> None:
        with atomic.atomic_path(plan.out / f"extra_{index}.bin") as path:  # beside the tomogram
            path.write_bytes(bytes([index]) * BYTES)
        quick(plan, index, say)

    kill_everywhere.make_model = make_model
    dataset._model_bytes = lambda recipe: 0
    from faket.pipeline import make_models

    make_models.make_model = make_model


def trials(asked: argparse.Namespace) -> int:
    """Return how many went wrong."""
    recipe, out = kill_everywhere.recipe(TOMOGRAMS), asked.folder / "out"

    def generate() -> None:
        dataset.generate(recipe, out, workers=asked.workers)

    events = counted(generate)
    expected = kill_everywhere.contents(out)
    used = sum(path.stat().st_size + 4096 for path in out.rglob("*"))
    rng, wrong, refused = random.Random(asked.seed), 0, 0
    for number in range(asked.count):
        shutil.rmtree(out, ignore_errors=True)
        if asked.tmpfs:
            size = rng.randrange(4096, used + 40_000)
            what = f"{size} bytes"
            room(asked.folder, f"{size}")
            code, told = ended(generate)
            room(asked.folder, f"{ROOM_MB}m")
        else:
            at = rng.randrange(events)
            what = f"full at event {at} of {events}"
            code, told = ended(lambda at=at: full_from(at, out, generate))
        refused += code != 0
        check_whole(out)
        line = told.strip()
        sound = code in (0, 2) and ((code == 0) or (bool(line) and "\n" not in line))
        again, _ = ended(generate, retry=True)
        same = again == 0 and kill_everywhere.contents(out) == expected
        wrong += not (sound and same)
        verdict = "equal" if same else "DIFFERS"
        print(f"{number}: {what}: exit {code}, {verdict}: {line[:150]}", flush=True)
    print(f"{asked.count - wrong} of {asked.count} resumed byte-equal; {refused} had been refused")
    return wrong


def room(folder: Path, size: str) -> None:
    """Change the size of the file system."""
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)


def ended(work: Callable[[], None], *, retry: bool = False) -> tuple[int, str]:
    """Do something in a process of its own; return its exit code, and its error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code, text = 1, ""
        try:
            work()
            code = 0
        except InputError as error:
            code, text = 2, str(error)
            if retry and "to be tried again" in text:
                code = 3
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode()[:4000])
        os._exit(code)
    os.close(writer)
    with open(reader) as stream:
        text = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def counted(work: Callable[[], None]) -> int:
    """Do something here; return how many events made or wrote something."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        seen += _makes(event, arguments)

    sys.addaudithook(hook)
    work()
    return seen


def full_from(number: int, out: Path, work: Callable[[], None]) -> None:
    """Do something in which the disk becomes full at an event."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if _makes(event, arguments) and str(out) in str(arguments[0]):
            seen += 1
            if seen > number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    sys.addaudithook(hook)
    work()


def _makes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & _WRITING)
    return event in _MAKING


if __name__ == "__main__":
    main()
