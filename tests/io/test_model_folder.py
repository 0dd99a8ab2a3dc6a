"""Every name of a file in a tomogram's folder stands in one module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import faket
from faket.io import model_folder
from faket.io.model_folder import manifest_beside, model_name, number_of, reference_name

SOURCE = Path(faket.__file__).parent
NAMES = {
    value
    for name, value in vars(model_folder).items()
    if name.isupper() and isinstance(value, str) and not value.startswith(".")
}
STEMS = ("model_", "reference_")  # of folders, before a number


def test_names_of_files_stand_in_one_module():
    assert len(NAMES) > 20
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in SOURCE.rglob("*.py")
        if path.name != "model_folder.py"
        for line, text in _texts(ast.parse(path.read_text()))
        if text in STEMS or any(name == text.rpartition("/")[2] for name in NAMES)
    ]
    assert found == []


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield strings, and the constant parts of formatted ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_numbers_of_folders_come_back():
    assert [number_of(name) for name in (model_name(12), reference_name(0))] == [12, 0]


def test_a_manifest_keeps_the_suffix_of_its_output():
    assert manifest_beside(Path("a/t.mrc")) == Path("a/t.mrc.manifest.json")
    assert manifest_beside(Path("a/t.csv")) != manifest_beside(Path("a/t.mrc"))
