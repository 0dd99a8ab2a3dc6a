"""One word for one thing: no two classes of the package have one name."""

import ast
import importlib
import pkgutil
import sys
from collections import defaultdict
from inspect import ismodule
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


def test_no_module_hides_a_function_of_its_package():
    """Importing a module makes it an attribute of its package, whatever was there before."""
    for found in pkgutil.walk_packages(faket.__path__, "faket."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name, package in list(sys.modules.items()):
        if name.split(".")[0] == "faket" and hasattr(package, "__path__"):
            hidden = [n for n in getattr(package, "__all__", ()) if ismodule(getattr(package, n))]
            assert not hidden, name
