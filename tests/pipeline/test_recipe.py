"""Recipes: the example is valid, typos are refused, nothing mutated gives a traceback."""

import random
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.pipeline import Recipe, example_recipe, parse_recipe, read_recipe


def test_example_is_the_default_recipe():
    recipe = parse_recipe(example_recipe())
    assert recipe.model_dump() == Recipe().model_dump()


def test_example_names_every_field_with_a_comment():
    lines = [line for line in example_recipe().splitlines() if "=" in line]
    assert all("#" in line.split("=", 1)[1] for line in lines)
    content = tomllib.loads(example_recipe())
    for field in ("size_voxels", "voxel_size_A", "vesicles", "gold", "on_full"):
        assert field in content["specimen"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("seed = ", "TOML"),
        ("sead = 1", "sead: expected a field"),
        ("seed = -1", "seed"),
        ("tomograms = 0", "tomograms"),
        ('method = "magic"', "method"),
        ("[specimen]\nvoxel_size_A = -5.0", "voxel_size_A"),
        ("[specimen]\nvoxelsize = 5.0", "specimen.voxelsize: expected a field"),
        ("[specimen]\nsize_voxels = [0, 10, 10]", "size_voxels"),
        ("[specimen]\nsize_voxels = [100000, 100000, 100000]", "specimen"),
        ("[specimen]\nparticles = [20, 10]", "particles"),
        ("[reconstruction]\nbinning = 0", "binning"),
        ('reference = {stack = ["a.mrc", "b.mrc"], clean = "c.mrc"}', "one file for each"),
        ('[[species]]\nsource = ""', "source"),
        ('[[species]]\nsource = "a.pdb"\ncopies = -1', "copies"),
        ("[reference]\npixel_size_A = nan", "pixel_size_A"),
        ('[[species]]\nsource = "a.pdb"\nname = "my ring"', "name"),
        ("[specimen]\nsize_voxels = [40, 40, 8]\n[reconstruction]\nbinning = 9", "at most .* 8"),
        ("seed = 1e400", "seed"),
    ],
)
def test_mistakes_are_named_in_one_line(text, match):
    with pytest.raises(InputError, match=match) as error:
        parse_recipe(text, where="r.toml")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("r.toml: ")


def test_unreadable_recipe_is_one_line(tmp_path):
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(InputError):
            read_recipe(path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="text"):
        read_recipe(tmp_path / "binary.toml")


def test_what_was_found_is_said_once():
    with pytest.raises(InputError) as error:
        parse_recipe("[specimen]\ngold_diameter_A = [nan, nan]")
    assert str(error.value).count("found") == 1


def test_an_unknown_home_is_no_traceback():
    recipe = parse_recipe('[reference]\nstack = "~nobody-has-this-name/a.mrc"')
    assert not recipe.at(recipe.reference.stack[0]).exists()


def test_paths_are_taken_from_the_recipes_folder(tmp_path):
    (tmp_path / "r.toml").write_text('[reference]\nstack = "here/ref.mrc"\n')
    recipe = read_recipe(tmp_path / "r.toml")
    assert recipe.at(recipe.reference.stack[0]) == tmp_path / "here" / "ref.mrc"


def test_mutated_recipes_are_read_or_refused():
    """400 recipes with characters changed, removed or doubled: valid, or one line."""
    rng = random.Random(0)
    base = example_recipe() + '\n[[species]]\nsource = "1bxn"\ncopies = 12\n'
    refused = 0
    for _ in range(400):
        text = list(base)
        for _ in range(rng.randint(1, 4)):
            i = rng.randrange(len(text))
            action = rng.randrange(4)
            if action == 0:
                text[i] = chr(rng.choice([0, 10, 34, 45, 46, 48, 57, 61, 91, 93, 101, 0x1F600]))
            elif action == 1:
                del text[i : i + rng.randint(1, 30)]
            elif action == 2:
                text.insert(i, text[i] * rng.randint(1, 5))
            else:
                text[i:i] = rng.choice(["-", "nan", "1e99", "inf", "[]", '"x"', "true", "{}"])
        try:
            parse_recipe("".join(text))
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert 50 < refused < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(Recipe.model_fields)), json_values, max_size=4))
def test_any_values_are_read_or_refused(content):
    import pydantic

    try:
        Recipe.model_validate(content)
    except (pydantic.ValidationError, InputError) as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "written_out"),
    [
        ("[specimen]\nparticles = 60", "[specimen]\nparticles = [60, 60]"),
        ("[specimen]\ngold_diameter_A = 80", "[specimen]\ngold_diameter_A = [80.0, 80.0]"),
        ('species = "a.pdb"', '[[species]]\nsource = "a.pdb"'),
        ('species = ["a.pdb", "b.pdb"]', 'species = [{source = "a.pdb"}, {source = "b.pdb"}]'),
        ('[species]\nsource = "a.pdb"\ncopies = 3', '[[species]]\nsource = "a.pdb"\ncopies = 3'),
        ('tilts = "a.tlt"', '[tilts]\nfile = "a.tlt"'),
        ('reference = "a.mrc"', '[reference]\nrun = "a.mrc"'),
        ('reference = ["a.mrc", "b.mrc"]', '[reference]\nrun = ["a.mrc", "b.mrc"]'),
        ('microscope = "k3-60x3"', '[microscope]\npreset = "k3-60x3"'),
        ('style = "vgg19"', '[style]\nnetwork = "vgg19"'),
        ('structure_folders = "pdb"', 'structure_folders = ["pdb"]'),
    ],
)
def test_short_forms_are_understood(text, written_out):
    assert parse_recipe(text).model_dump() == parse_recipe(written_out).model_dump()


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("[species]\n'1bxn' = 50", r"write \[\[species\]\]"),
        ("tilts = [-60, 60, 2]", "write tilts = { start_deg"),
        ("tilts = 3", "write tilts = { start_deg"),
        ("particles = 60", r"move it to \[specimen\]"),
        ("[specimen]\nbinning = 4", r"move it to \[reconstruction\]"),
        ("[specimen]\ntomograms = 4", "move it to the top of the file"),
        ("[specimen]\nparticle = 60", "try specimen.particles"),
        ("[specimen]\nvoxelsize_a = 4", "try specimen.voxel_size_A"),
        ("[specimen]\nsize_voxels = 512", r"expected 3 numbers, such as \[1024, 1024, 360\]"),
        ("[specimen]\nsize_voxels = [512, 512]", "expected 3 numbers"),
        ('[[species]]\nsorce = "a.pdb"', "try species.source"),
        ("specimen = 3", r"expected a section \[specimen\]"),
    ],
)
def test_what_is_not_understood_is_said_how_to_write(text, how):
    with pytest.raises(InputError, match=how) as error:
        parse_recipe(text)
    assert "\n" not in str(error.value)


def test_settings_of_the_microscope_are_understood_and_corrected():
    from faket.pipeline.reference import chosen_microscope

    recipe = parse_recipe("[microscope.settings]\ndefocus_um = 3")
    assert chosen_microscope(recipe.microscope).defocus_um == (3, 3)
    recipe = parse_recipe("[microscope.settings]\ndefocs_um = 3")
    with pytest.raises(InputError, match=r"try microscope\.settings\.defocus_um"):
        chosen_microscope(recipe.microscope)
