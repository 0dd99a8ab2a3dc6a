"""The code in README and docs runs, recipes are valid, commands exist, the site has every page."""

import re
from pathlib import Path

import pytest

import faket
from faket.pipeline import parse_recipe, read_recipe

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FILES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in FILES}
LIBRARY = PAGES["docs/library.md"]
# Of blocks of code; those without a language show what programs print, or are explained as parts.
LANGUAGES = {"python", "sh", "toml"}


def blocks(language):
    """Return (page, code) of every block of a language."""
    found = [
        (page, code)
        for page, text in PAGES.items()
        for code in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    ]
    assert found
    return found


def test_code_is_of_a_language_that_is_tried_here():
    named = {name for text in PAGES.values() for name in re.findall(r"^ *```(\w+)", text, re.M)}
    assert named <= LANGUAGES


@pytest.mark.parametrize("page", sorted({page for page, _ in blocks("python")}))
def test_python_blocks_run(page):
    for code in (code for other, code in blocks("python") if other == page):
        exec(compile(code, page, "exec"), {})


def test_the_library_page_lists_every_public_name():
    listed = set(re.findall(r"`(\w+)", LIBRARY))
    assert set(faket.__all__) <= listed


@pytest.mark.parametrize(("page", "code"), blocks("toml"))
def test_recipe_blocks_are_valid(page, code):
    parse_recipe(code, where=page)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name)
def test_example_recipes_are_valid(path):
    assert read_recipe(path).name == path.stem


def test_commands_exist():
    """`faket` has every command and option shown, `make` every target; scripts are there."""
    from faket.cli.app import app

    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    lines = [line.split("#")[0].split() for _, code in blocks("sh") for line in code.splitlines()]
    seen = 0
    for words in filter(None, lines):
        if words[0] == "faket":
            app.parse_args(words[1:], exit_on_error=False, print_error=False)
            seen += 1
        elif words[0] == "make":
            assert words[1] in targets
        elif words[0] == "python":
            assert (ROOT / words[1]).exists(), words
        else:
            assert words[0] in ("cp", "mkdir", "source", "nice"), words
    assert seen >= 20


def test_the_site_has_every_page_and_every_name_of_the_library():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(listed) == sorted(pages)
    shown = set(re.findall(r"^::: faket\.(\w+)$", PAGES["docs/api/index.md"], re.M))
    assert shown == set(faket.__all__) - {"__version__"}
