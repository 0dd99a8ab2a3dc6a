"""One word for one thing: no two classes of the package have one name."""

import ast
from collections import defaultdict
from pathlib import Path

import faket


def test_no_class_has_the_name_of_another_or_of_another_modules_type():
    found = defaultdict(list)
    classes = set()
    for path in Path(faket.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
                found[node.name].append(f"{path.name}:{node.lineno}")
        for node in tree.body:  # aliases, as Row = tuple[int, str]
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id].append(f"{path.name}:{node.lineno}")
    assert len(classes) > 100
    assert {name: found[name] for name in sorted(classes) if len(found[name]) > 1} == {}
