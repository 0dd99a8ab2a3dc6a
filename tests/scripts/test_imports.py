"""Scripts and benchmarks, which no other test runs, import names that exist."""

import ast
from importlib import import_module, util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("benchmarks", "scripts", "docs")
    for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_import_from_faket_exists(program):
    tree = ast.parse((ROOT / program).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        if node.module and node.module.split(".")[0] == "faket":
            module = import_module(node.module)
            for name in (alias.name for alias in node.names):
                found = hasattr(module, name) or util.find_spec(f"{node.module}.{name}")
                assert found, f"{node.module} has no {name}"
