"""Every remedy in an error can be followed in the command that prints it."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import faket
from faket.cli.app import _COMMANDS, run
from faket.cli.wording import in_words_of
from faket.data import Volume
from faket.io.mrc import write_mask, write_stack, write_volume
from faket.io.tilts import write_tilt_angles
from faket.pipeline.recipe import recipe_fields
from faket.study.settings import StudySettings

ROOT = Path(faket.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
OTHER_COMMAND = re.compile(r"`faket (\w+)([^`]*)`")
IDENTIFIER = re.compile(r"\b[A-Za-z]+_[A-Za-z_]\w*\b")
# What is written so in files and other programs; no setting of ours.
FILE_WORDS = {
    "Cartn_x",
    "oper_expression",
    "type_symbol",
    "a_A",
    "amplitude_contrast",
    "c_A",
    "estimate_noise",
    "input_sigma",
    "load_network",
    "ring_power",
    "mass_kDa",
    "noise_std",
    "particle_type",
    "pixel_size_A",
    "voltage_kV",
    "x_A",
    "y_A",
    "z_A",
}
# Modules of the command line that serve some commands.
HELPERS = {"faket.cli.acquisition": ["acquire"], "faket.cli.common": ["noise", "style"]}


def options(command):
    """Return the options of a command, as they are typed."""
    parameters = inspect.signature(_COMMANDS[command]).parameters.values()
    return {
        "--" + item.name.replace("_", "-") for item in parameters if item.kind is item.KEYWORD_ONLY
    } | {"--angular-step", "--no-figure", "--help", "--log-json"}


def template(node):
    """Return a string as it is written, with {} for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    return "{}"


def strings(tree):
    """Yield every string below a node, docstrings among them, pieces of f-strings not."""
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside:
            yield template(node)


def errors(tree):
    """Yield the message of every InputError that is raised below a node."""
    for node in ast.walk(tree):
        name = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
        if name in ("InputError", "input_error"):
            yield template(node.args[-1])


def found(kind):
    """Return (module, commands that it may reach, text) of all texts of the package."""
    every = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(["faket", *path.relative_to(ROOT).with_suffix("").parts])
        for part in ast.parse(path.read_text()).body:
            reach = reached_from(module, getattr(part, "name", ""))
            every += [(module, reach, text) for text in kind(part)]
    return every


def reached_from(module, function):
    """Return the commands that a function's texts may reach: itself, its module's, or all."""
    own = [name for name, command in _COMMANDS.items() if command.__module__ == module]
    if function in own:
        return [function]
    return HELPERS.get(module) or own or list(_COMMANDS)


TEXTS, MESSAGES = found(strings), found(errors)


def test_there_is_much_to_test():
    assert len(MESSAGES) > 300
    assert sum("`" in text for _, _, text in MESSAGES) > 40


def test_options_that_are_written_out_exist_in_their_command():
    """Rooms below the command line write `setting`, which becomes an option where there is one."""
    for module, reach, text in TEXTS:
        for command, words in OTHER_COMMAND.findall(text):
            if command in _COMMANDS:
                assert set(OPTION.findall(words)) <= options(command), (module, text)
        for option in OPTION.findall(OTHER_COMMAND.sub("", text)):
            own = module.startswith("faket.cli.") and module not in HELPERS
            holds = any if own else all
            assert holds(option in options(name) for name in reach), (module, text)


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_remedy_exists_in_the_command(command):
    for module, reach, text in MESSAGES:
        if command in reach and not module.startswith("faket.cli."):
            said = in_words_of(_COMMANDS[command], text.replace(".{}`", ".field`"))
            assert set(OPTION.findall(OTHER_COMMAND.sub("", said))) <= options(command), said
            left = {name.split()[0] for name in re.findall(r"`([^`]+)`", said)}
            assert left <= {"faket", "{}"}, (module, text)


def test_settings_are_named_in_backticks():
    for module, _, text in MESSAGES:
        plain = re.sub(r"`[^`]*`", "", text)
        plain = re.sub(r"[\w/]+\.(mrc|txt|csv|json|tlt|star|safetensors|py|pth)\b", "", plain)
        assert not set(IDENTIFIER.findall(plain)) - FILE_WORDS, (module, text)


def test_names_in_backticks_are_settings():
    """Of a command, of a recipe, or of a function that a library's user calls."""
    known = {
        *(name for command in _COMMANDS.values() for name in inspect.signature(command).parameters),
        *(field.rpartition(".")[2] for field in recipe_fields()),
        *(item.name for item in fields(StudySettings)),
    }
    library = {"angles_deg", "style_angles_deg", "memory_limit", "search_um"}
    library |= {"search_A", "resolution_A", "n_slices", "signal_std"}
    library |= {"slice_thickness_voxels"}
    for module, _, text in MESSAGES:
        for name in re.findall(r"`([A-Za-z]\w*(?:\.\w+)*)`", text):
            assert name.rpartition(".")[2] in known | library, (module, text)


@pytest.mark.parametrize(
    ("command", "said", "expected"),
    [
        ("project", "a; mend it, or give `voxel_size_A`", "a; mend it, or give --voxel-size-A"),
        ("specimen", "a; mend it, or give `pixel_size_A`",
         "a; mend it, or give reference.pixel_size_A"),
        ("pick", "a; mend it, or give `pixel_size_A`", "a; mend it"),
        ("pick", "a: found 0; give `pixel_size_A`", "a: found 0"),
        ("simulate", "`SpecimenConfig.gold`: expected 1; 2", "specimen.gold: expected 1; 2"),
        ("train", "`TrainingSettings.patch`: no; take 4", "--patch: no; take 4"),
        ("simulate", "a; give `reference.angles`", "a; give reference.angles"),
        ("reconstruct", "a; give `reference.angles`", "a"),
        ("noise", "`clean`: b; c", "CLEAN: b; c"),
        ("study", "a; give `weights`", "a; give --vgg19"),
        (None, "a; b, or give `pixel_size_A`", "a; b"),
    ],
)  # fmt: skip
def test_settings_take_the_names_of_the_command(command, said, expected):
    assert in_words_of(_COMMANDS.get(command), said) == expected


@pytest.fixture(scope="module")
def unsized(tmp_path_factory):
    """Files whose headers tell no pixel size, as some programs write them."""
    folder = tmp_path_factory.mktemp("unsized")
    rng = np.random.default_rng(0)
    for name in ("clean", "real", "noisy"):
        write_stack(folder / f"{name}.mrc", rng.random((3, 32, 32), np.float32), 10.0)
    write_volume(folder / "volume.mrc", Volume(rng.random((8, 32, 32), np.float32), 10.0))
    write_mask(folder / "occupancy_mask.mrc", np.ones((8, 32, 32), np.uint16), 10.0)
    for path in folder.glob("*.mrc"):
        with open(path, "r+b") as stream:
            stream.seek(40)
            stream.write(bytes(12))
    write_tilt_angles(folder / "elsewhere.tlt", np.array([-30.0, 0.0, 30.0]))
    return folder


READERS = {
    "project": "project {}/volume.mrc {}/o.mrc --step-deg 30",
    "reconstruct": "reconstruct {}/real.mrc {}/o.mrc --depth 8 --angles {}/elsewhere.tlt",
    "noise": "noise {}/clean.mrc {}/real.mrc {}/o.mrc --clean-angles {}/elsewhere.tlt "
    "--reference-angles {}/elsewhere.tlt",
    "style": "style {}/clean.mrc {}/noisy.mrc {}/real.mrc {}/o.mrc "
    "--content-angles {}/elsewhere.tlt --style-angles {}/elsewhere.tlt",
    "compare": "compare {}/real.mrc {}/noisy.mrc --out {}/o --reference-angles {}/elsewhere.tlt "
    "--angles {}/elsewhere.tlt",
    "match": "match {}/volume.mrc synthetic:syn-ring --out {}/o.csv --tilts {}/elsewhere.tlt",
}


def error(capsys, words):
    code = run(words)
    text = capsys.readouterr().err
    assert code in (0, 2), text
    return text if code else ""


@pytest.mark.parametrize("command", READERS)
def test_a_missing_pixel_size_can_be_given(unsized, tmp_path, capsys, command):
    words = READERS[command].replace("{}/o", f"{tmp_path}/o").replace("{}", str(unsized)).split()
    said = error(capsys, words)
    (option,) = OPTION.findall(said)
    assert option in ("--voxel-size-A", "--pixel-size-A")
    assert option not in error(capsys, [*words, option, "10"])


@pytest.mark.parametrize("command", [name for name in READERS if "elsewhere" in READERS[name]])
def test_missing_angles_can_be_named(unsized, tmp_path, capsys, command):
    """Each file of angles left out is asked for by the option that names it."""
    text = READERS[command].replace("{}/o", f"{tmp_path}/o").replace("{}", str(unsized))
    size = "--voxel-size-A" if command == "match" else "--pixel-size-A"
    words = [*text.split(), size, "10"]
    for option in re.findall(r"(--\S+) \S+elsewhere", text):
        at = words.index(option)
        assert option in error(capsys, words[:at] + words[at + 2 :])


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("noise {}/clean.mrc {}/real.mrc {}/o.mrc --method noisy --defocus-um 3", "--defocus-um"),
        ("noise {}/clean.mrc {}/real.mrc {}/o.mrc --method baseline --dose-e-per-A2 3",
         "--dose-e-per-A2"),
        ("style {}/clean.mrc {}/noisy.mrc {}/real.mrc {}/o.mrc --weights {}/w.pth", "--weights"),
        ("style {}/clean.mrc {}/noisy.mrc {}/p.safetensors {}/o.mrc --invert-reference",
         "--invert-reference"),
    ],
)  # fmt: skip
def test_options_that_would_change_nothing_are_refused(unsized, capsys, words, option):
    said = error(capsys, words.replace("{}", str(unsized)).split())
    assert f"no {option}" in said
