"""The code in README and docs runs, recipes are valid, commands exist, the site has every page."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import faket
from doc_blocks import (
    DOCS,
    PAGES,
    ROOT,
    blocks,
    commands,
    shortened,
    small,
    write_cluster,
    write_labelled,
    write_molecules,
    write_reference,
    write_run,
)
from faket.cli.app import app, run
from faket.io.mrc import read_stack, read_volume
from faket.pipeline import parse_recipe, read_recipe
from faket.study import workers
from faket.verification import verify

LIBRARY = PAGES["docs/library.md"]
# Of blocks of code; those without a language show what programs print, or are explained as parts.
LANGUAGES = {"python", "sh", "toml"}
SYSTEM = ("cp", "mkdir")  # what else the pages call
# Pages whose commands run one after another, and what those of the others find in their folder.
TOGETHER = (
    "README.md", "docs/style.md", "docs/reconstruct-elsewhere.md", "docs/first-hour.md",
)  # fmt: skip
STAND_INS = {
    "docs/specimens.md": write_molecules,
    "docs/references.md": write_run,
    "docs/formats.md": write_labelled,
}
# Programs that are not ours.
OTHERS = ("octopi", "npx", "pip", "napari", "dcm", "python3", "sed", "sbatch")


def test_code_is_of_a_language_that_is_tried_here():
    named = {name for text in PAGES.values() for name in re.findall(r"^ *```(\w+)", text, re.M)}
    assert named <= LANGUAGES


@pytest.mark.parametrize("page", sorted({block.page for block in blocks("python")}))
def test_python_blocks_run(page):
    for block in (block for block in blocks("python") if block.page == page):
        exec(compile(block.code, page, "exec"), {})


def test_the_library_page_lists_every_public_name():
    listed = set(re.findall(r"`(\w+)", LIBRARY))
    assert set(faket.__all__) <= listed


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: f"{block.page}:{block.line}")
def test_recipe_blocks_are_valid(block):
    parse_recipe(block.code, where=block.page)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda p: p.name)
def test_example_recipes_are_valid(path):
    assert read_recipe(path).name == path.stem


def test_commands_exist():
    """`faket` has every command and option shown, `make` every target; scripts are there."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    seen = 0
    for command in (command for block in blocks("sh") for command in commands(block.code)):
        words = shlex.split(command)
        if words[0] == "sbatch":  # its own command is what the last option holds
            words = shlex.split(words[words.index("--wrap") + 1])
        if words[0] == "faket":
            app.parse_args(words[1:], exit_on_error=False, print_error=False)
            seen += 1
        elif words[0] == "make":
            assert words[1] in targets
        elif words[0] == "python":
            assert (ROOT / words[1]).exists(), words
        else:
            assert words[0] in (*SYSTEM, *OTHERS, "source"), words
    assert seen >= 40


def test_each_block_is_run():
    """By the test of its page below, or by the file that it names, which reads that page."""
    for block in (block for block in blocks("sh") if block.run_by):
        assert block.page in (ROOT / block.run_by).read_text(), f"{block.page}:{block.line}"
    pages = {block.page for block in blocks("sh")}
    assert pages == {*TOGETHER, *STAND_INS, "docs/scale.md", "docs/study.md"}


def run_blocks(page, folder, monkeypatch, capsys):
    """Run the shell blocks of a page in a folder; recipes that it names are written small."""
    monkeypatch.chdir(folder)
    for block in blocks():
        if block.page != page or block.run_by:
            continue
        named = re.match(r"# (\w+\.toml)\n", block.code)
        if block.language == "toml" and named:
            Path(named[1]).write_text(small(block.code))
        for command in commands(block.code) if block.language == "sh" else ():
            words = shlex.split(command)
            if words[0] != "faket":
                assert words[0] in SYSTEM, command
                subprocess.run(words, check=True)
                continue
            code = run(shortened(words[1:]))
            assert code == 0, f"{page}:{block.line}: {command}\n{capsys.readouterr().err}"


def test_pages_that_go_from_molecules_to_scores(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_reference(tmp_path)
    write_molecules(tmp_path)
    test = "tomograms = 1\nmethod = 'benchmark'\nspecies = [{ source = '1bxn.pdb' }]"
    (tmp_path / "test.toml").write_text(small(test))
    run_blocks("README.md", tmp_path, monkeypatch, capsys)
    assert read_volume("tomogram.mrc").voxel_size_A == 20.0
    assert read_volume("species/1bxn/potential.mrc").voxel_size_A == 10.0
    noisy, noise_free = read_stack("noisy.mrc")[0], read_stack("noise_free.mrc")[0]
    assert np.corrcoef(noisy[5].ravel(), noise_free[5].ravel())[0, 1] > 0.1
    (tmp_path / "data").symlink_to("out")
    run_blocks("docs/style.md", tmp_path, monkeypatch, capsys)
    run_blocks("docs/reconstruct-elsewhere.md", tmp_path, monkeypatch, capsys)
    (tmp_path / "hour").mkdir()
    (tmp_path / "hour" / "demo").symlink_to(tmp_path / "out")
    run_blocks("docs/first-hour.md", tmp_path / "hour", monkeypatch, capsys)


def test_the_page_of_clusters(tmp_path, monkeypatch, capsys):
    """Its ten lines, with three tomograms for 500, and a SLURM that runs one task at a time."""
    write_cluster(tmp_path)
    page = [block for block in blocks("sh") if block.page == "docs/scale.md" and not block.run_by]
    lines = page[0].code.replace("= 500/", "= 3/").replace("--array=1-50", "--array=1-2")
    edited = "faket simulate --example > recipe.toml\ncp small.toml recipe.toml\n"
    lines = re.sub(r"faket simulate --example > recipe.toml .*\n", edited, lines)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-ec", lines], cwd=tmp_path, check=True, env={**os.environ, "PATH": path}
    )
    verify(tmp_path / "data")
    assert len(list((tmp_path / "data").glob("model_*"))) == 3
    monkeypatch.chdir(tmp_path)
    for command in commands(page[1].code):
        assert run(shlex.split(command)[1:]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert "#SBATCH" in shown
    assert "3" in shown


def test_the_page_of_studies(tmp_path, monkeypatch, capsys):
    """Its commands and README's, without the studies' work, which tests/cli/test_study.py does."""

    def work(study, **_):
        study.save()
        (study.folder / "data").mkdir(exist_ok=True)
        (study.folder / "recipes").mkdir(exist_ok=True)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(workers, "run_study", work)
    for block in blocks("sh"):
        if block.page != "docs/study.md" and block.run_by != "tests/test_readme.py":
            continue
        for command in commands(block.code):
            name, *words = shlex.split(command.replace("--device cuda", "--device cpu"))
            if name == "faket":
                assert run(words) == 0, f"{command}\n{capsys.readouterr().err}"
            else:
                program = [sys.executable, str(ROOT / words.pop(0))] if name == "python" else [name]
                subprocess.run([*program, *words], check=True)


@pytest.mark.parametrize("page", STAND_INS)
def test_pages_of_what_goes_in_and_out(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    STAND_INS[page](tmp_path)
    run_blocks(page, tmp_path, monkeypatch, capsys)


def test_the_site_has_every_page_and_every_name_of_the_library():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(listed) == sorted(pages)
    shown = set(re.findall(r"^::: faket\.(\w+)$", PAGES["docs/api/index.md"], re.M))
    assert shown == set(faket.__all__) - {"__version__"}
