"""Sprites, escaped text, recipes as TOML, distances."""

import base64
import io
import json
import re
import tomllib
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from faket.pages.html import json_script, table, text
from faket.pages.particles import neighbour_distances_nm
from faket.pages.recipe_text import toml_lines
from faket.pages.sprites import Detail, fitting_factor, grey_sprite, label_sprite


def planes_of(sprite):
    """Cut a sprite apart as the page's script does."""
    kind, _, data = sprite["src"].partition(";base64,")
    assert kind in ("data:image/webp", "data:image/png")
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
    n, ny, nx = sprite["shape"]
    at = [divmod(k, sprite["columns"]) for k in range(n)]
    return np.array([sheet[r * ny : (r + 1) * ny, c * nx : (c + 1) * nx] for r, c in at])


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_labels_come_back_exactly(n, ny, nx, seed):
    labels = np.random.default_rng(seed).integers(0, 256, (n, ny, nx))
    assert np.array_equal(planes_of(label_sprite(labels)), labels)


def test_grey_values_come_back_within_the_loss():
    z, y, x = np.mgrid[:5, :40, :60]
    planes = (np.sin(x / 9) + np.cos(y / 7) + z / 4).astype(np.float32)
    sprite = grey_sprite(planes, 90)
    low, high = sprite["limits"]
    assert planes.min() <= low < high <= planes.max()
    back = planes_of(sprite) / 255 * (high - low) + low
    assert np.abs(back - np.clip(planes, low, high)).max() < 0.1 * (high - low)


def test_constant_planes_are_shown():
    assert planes_of(grey_sprite(np.full((2, 8, 8), 3.0, np.float32), 50)).max() == 0


@settings(max_examples=50)
@given(st.tuples(*[st.integers(1, 2000)] * 3), st.integers(16, 400), st.booleans())
def test_planes_and_sheets_are_small_enough(shape, side, stack):
    detail = Detail(side, 1_000_000)
    factor = fitting_factor(shape, detail, stack=stack)
    n, ny, nx = (k if stack and axis == 0 else k // factor for axis, k in enumerate(shape))
    assert min(n, ny, nx) >= 1
    if min(shape) > 2000 // 16:  # otherwise a narrow one may not become smaller
        assert max(ny, nx) <= side
        assert n * ny * nx <= detail.pixels


@settings(max_examples=20)
@given(st.text(max_size=20))
def test_text_is_shown_as_it_is(words):
    shown = text(words)
    assert not re.search(r"[<>\"']", shown)
    kept = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in words)
    assert unescape(shown) == kept


@settings(max_examples=20)
@given(st.lists(st.none() | st.text(max_size=9) | st.integers(), max_size=3))
def test_json_comes_back_and_ends_no_script(value):
    script = json_script("x", {"value": value})
    assert script.count("<") == 2
    assert json.loads(script.partition(">")[2].removesuffix("</script>")) == {"value": value}


_KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
_VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=20)
@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), _VALUES,
                       max_size=4))  # fmt: skip
def test_toml_comes_back(settings_):
    assert tomllib.loads("\n".join(toml_lines(settings_))) == settings_


def test_numbers_stand_at_the_right():
    found = table(("name", "n", "words"), [("a", 1, "x"), ("b", None, "2")])
    assert found.count("number") == 3  # heading and two cells of one column
    assert "–" in found


def test_distances_of_neighbours():
    places = np.array([[0.0, 0, 0], [30, 40, 0], [0, 0, 100]])
    assert neighbour_distances_nm(places) == pytest.approx([5, 5, 10])
    assert len(neighbour_distances_nm(places[:1])) == 0
