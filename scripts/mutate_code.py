"""Change one sign, factor, axis, comparison or default at a time; do the room's own tests notice?

    python scripts/mutate_code.py --count 60 --seed 0 [--rooms microscope noise] [--limit 240]
    python scripts/mutate_code.py --at faket/noise/spectrum.py:97

Sites are drawn at random from the code of the stage rooms, or of the rooms named. A change in a
docstring, an annotation, a name of a kind, what an error says, and what only an error's condition
holds is none; nor are modules that only a GPU runs. Each is made in a copy of ``src``, on which the
tests of that room alone run (``tests/ROOM``) until the first fails, beginning with the files that
name the most of the module; a run over ``--limit`` seconds counts as killed. Every copy has a cache
of compiled kernels of its own, started from one of unchanged code; what calls a changed kernel is
compiled anew. Printed are file, line, change and the test that failed; survivors are for a person
to explain. ``--at`` makes every change at a place, to see whether a new test notices.
"""

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STAGES = (
    "microscope", "noise", "specimen", "structures", "projection", "reconstruction", "picking",
    "evaluation", "methods", "style",
)  # fmt: skip
ROOMS = (
    *STAGES, "io", "references", "pipeline", "pickers", "exchange", "study",
)  # fmt: skip
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.MatMult: ast.Mult,
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {
    "cos": "sin", "sin": "cos", "hanning": "hamming", "min": "max", "max": "min", "floor": "ceil",
    "ceil": "floor", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax",
    "argmax": "argmin", "radians": "degrees", "degrees": "radians", "fftshift": "ifftshift",
    "ifftshift": "fftshift",
}  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One change of one module: the expression at a place, and what replaces it."""

    module: Path
    line: int
    start: int
    stop: int
    was: str
    becomes: str

    def __str__(self) -> str:
        """Return place and change on one line."""
        was, becomes = (re.sub(r"\s+", " ", text) for text in (self.was, self.becomes))
        return f"{self.module}:{self.line}  {was}  ->  {becomes}"


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that a node may become, each wrong in one way."""
    swapped: Any
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPERATORS:
        swapped = OPERATORS[type(node.op)]()
        yield type(node)(**{**dict(ast.iter_fields(node)), "op": swapped})
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        yield ast.Compare(node.left, [OPERATORS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr])
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in other_values(node.value))


def other_values(value: Any) -> list[Any]:
    """Return the wrong values of a constant: a flag turned, one more, ten times, half."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    return [value * 10, value / 2] if isinstance(value, float) and value else []


def sites(path: Path) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield every node of a module that may change, and what it may become."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        waiting += [child for child in parts(node) if not is_speech(child)]
        yield from ((node, other) for other in changed(node))


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node but annotations, decorators and conditions of errors."""
    refusal = isinstance(node, ast.If) and all(isinstance(step, ast.Raise) for step in node.body)
    skipped = {"annotation", "returns", "decorator_list"} | ({"test"} if refusal else set())
    for name, value in ast.iter_fields(node):
        if name not in skipped:
            yield from (v for v in listed(value) if isinstance(v, ast.AST))


def listed(value: Any) -> list[Any]:
    """Return a field of a node as a list."""
    return value if isinstance(value, list) else [value]


def is_speech(node: ast.AST) -> bool:
    """Tell whether a node does nothing: text, imports, errors, names of types, how many threads."""
    if isinstance(node, ast.keyword) and node.arg == "workers":
        return True
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        return name in {"isinstance", "Literal", "TypeVar", "zip"} or name.endswith("Error")
    if isinstance(node, ast.Assign):  # type aliases: Numbers = tuple[float, ...]
        return bool(re.match(r"(tuple|dict|list|Literal|Callable)\[", ast.unparse(node.value)))
    return False


def mutations(rooms: list[str]) -> list[Mutation]:
    """Return every change that could be made, in the order of files and lines."""
    found = []
    for room in rooms:
        for path in sorted((ROOT / "src" / "faket" / room).rglob("*.py")):
            if path.name == "gpu.py":  # of the projector: no test without a GPU sees it
                continue
            lines = path.read_bytes().splitlines(keepends=True)
            begin = [sum(map(len, lines[:i])) for i in range(len(lines))]
            for node, other in sites(path):
                start, stop = (
                    begin[line - 1] + column
                    for line, column in (
                        (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset),
                    )
                )  # fmt: skip
                was = b"".join(lines)[start:stop].decode()
                module = path.relative_to(ROOT / "src")
                text = f"({ast.unparse(other)})"
                found.append(Mutation(module, node.lineno, start, stop, was, text))
    return sorted(set(found), key=str)


def drawn(rooms: list[str], count: int, seed: int) -> list[Mutation]:
    """Draw changes, of each place one at most, the rooms in turn."""
    rng = random.Random(seed)
    by_room = {room: mutations([room]) for room in rooms}
    for found in by_room.values():
        rng.shuffle(found)
    chosen: dict[tuple[Path, int], Mutation] = {}
    while len(chosen) < count and any(by_room.values()):
        for found in filter(None, by_room.values()):
            one = found.pop()
            if len(chosen) < count:
                chosen.setdefault((one.module, one.line), one)
    return list(chosen.values())


def files_of_tests(room: str, module: Path | None = None) -> list[str]:
    """Return a room's files of tests, first those that name the most of what a module defines."""
    files = sorted((ROOT / "tests" / room).rglob("test_*.py"))
    if module is not None:
        body = ast.parse((ROOT / "src" / module).read_text()).body
        names = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        named = {path: len(names & set(re.findall(r"\w+", path.read_text()))) for path in files}
        files.sort(key=lambda path: (path.stem != f"test_{module.stem}", -named[path]))
    return [str(path) for path in files]


def run_tests(files: list[str], source: Path, cache: Path, limit: float) -> tuple[str, str]:
    """Return "killed" or "survived", and the test that failed, for a copy of the sources."""
    environment = {**os.environ, "PYTHONPATH": str(source), "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
               *files]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return "killed", f"over {limit:g} s"
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"pytest itself failed:\n{done.stdout[-2000:]}{done.stderr}")
    if done.returncode == 0:
        return "survived", ""
    failed = re.search(r"^(FAILED|ERROR) \S*?tests/(\S+)", done.stdout, re.MULTILINE)
    return "killed", failed.group(2) if failed else done.stdout.strip()[-100:]


def attempt(one: Mutation, folder: Path, limit: float) -> tuple[str, str]:
    """Make one change in a fresh copy and run the tests of its room."""
    source, cache, room = folder / "src", folder / "cache", one.module.parts[1]
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(cache, ignore_errors=True)
    # Time stamps are kept: what has not changed need not be compiled again.
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    path = source / one.module
    text = path.read_bytes()
    path.write_bytes(text[: one.start] + one.becomes.encode() + text[one.stop :])
    # A kernel's cache does not see a change in a kernel of another module that it calls.
    stale = [f"{path.parent.name}_*"] if b"@kernel" in text else []
    shutil.copytree(folder / "unchanged", cache, ignore=shutil.ignore_patterns(*stale))
    return run_tests(files_of_tests(room, one.module), source, cache, limit)


def prepare(rooms: list[str], folder: Path) -> None:
    """Run the tests on unchanged code: they must pass, and leave their compiled kernels."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for room in rooms:
        verdict, failed = run_tests(files_of_tests(room), folder / "src", folder / "unchanged", 1e6)
        if verdict != "survived":
            raise SystemExit(f"{room}: its tests fail without any change: {failed}")
    (folder / "unchanged").mkdir(exist_ok=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=60, help="changes to try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(STAGES))
    parser.add_argument("--limit", type=float, default=240.0, help="seconds a run may take")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin none after this time")
    parser.add_argument("--at", nargs="+", help="MODULE:LINE: every change there instead")
    parser.add_argument("--list", action="store_true", help="only print what would be tried")
    options = parser.parse_args()
    chosen = drawn(options.rooms, options.count, options.seed)
    if options.at:
        places = set(options.at)
        chosen = [m for m in mutations(list(ROOMS)) if f"{m.module}:{m.line}" in places]
        options.rooms = sorted({m.module.parts[1] for m in chosen})
    if options.list:
        print(*chosen, sep="\n")
        return
    end, verdicts = time.monotonic() + 60 * options.minutes, Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        prepare(options.rooms, Path(name))
        for one in chosen:
            if time.monotonic() > end:
                break
            verdict, failed = attempt(one, Path(name), options.limit)
            verdicts[verdict] += 1
            print(f"{verdict:8}  {one}  {failed}", flush=True)
    tried = max(1, verdicts.total())
    print(f"{verdicts['killed']} of {tried} killed ({100 * verdicts['killed'] / tried:.0f} %)")


if __name__ == "__main__":
    main()
