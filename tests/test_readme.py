"""The code in README and docs runs, and the commands shown there exist."""

import re
from pathlib import Path

import pytest

import faket
from faket.pipeline import parse_recipe

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
LIBRARY = (ROOT / "docs" / "library.md").read_text()
PAGES = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))]


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("text", [README, LIBRARY], ids=["README", "library"])
def test_python_blocks_run(text):
    assert blocks("python", text)
    for code in blocks("python", text):
        exec(compile(code, "page", "exec"), {})


def test_the_library_page_lists_every_public_name():
    listed = set(re.findall(r"`(\w+)", LIBRARY))
    assert set(faket.__all__) <= listed


def test_recipe_blocks_are_valid():
    assert blocks("toml")
    for text in blocks("toml"):
        assert parse_recipe(text).tomograms == 10


def test_commands_exist():
    """Every `faket` command shown has the sub-command and the options that it uses."""
    from faket.cli.app import app

    lines = "".join(block for page in PAGES for block in blocks("sh", page)).splitlines()
    lines = [line for line in lines if line.startswith("faket")]
    assert len(lines) >= 20
    for line in lines:
        words = line.split("#")[0].split()[1:]
        app.parse_args(words, exit_on_error=False, print_error=False)
