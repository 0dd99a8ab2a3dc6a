"""The README's code runs."""

import re
from pathlib import Path

from faket.pipeline import parse_recipe

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_blocks_run():
    assert blocks("python")
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {})


def test_recipe_blocks_are_valid():
    assert blocks("toml")
    for text in blocks("toml"):
        assert parse_recipe(text).tomograms == 10


def test_commands_exist():
    """Every `faket` command shown has the sub-command and the options that it uses."""
    from faket.cli.app import app

    lines = "".join(blocks("sh")).splitlines()
    lines = [line for line in lines if line.startswith("faket")]
    assert len(lines) >= 8
    for line in lines:
        words = line.split("#")[0].split()[1:]
        app.parse_args(words, exit_on_error=False, print_error=False)
