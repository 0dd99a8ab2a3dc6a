"""Tiles own every pixel once, see what they need, and together give the whole image's gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.style.vgg.engine import prepare
from faket.style.vgg.memory import default_limit
from faket.style.vgg.tiles import Side, choose_grid, cut, plan_layers

VGG = [2, 2, 4, 4, 1]


def image(seed, size, channels=1, dtype=torch.float64):
    """A smooth and noisy image in [0, 1], its channels equal or not."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.standard_normal((channels, *size)), axis=2)
    walk += rng.standard_normal(walk.shape)
    unit = (walk - walk.min()) / np.ptp(walk)
    return torch.from_numpy(unit).to(dtype)


def reader(pixels):
    return lambda rows, columns: pixels[:, rows, columns]


def engine(network, size, grid, dtype=torch.float64, content=True):
    """The engine with a grid of tiles; as many as there are places for."""
    whole = prepare(network, size, "cpu", dtype, content=content, memory_limit=10**12)
    alignment = 1 << whole.layers.plan[-1].depth
    grid = (min(n, s // alignment) for n, s in zip(grid, size, strict=True))
    return replace(whole, tiles=cut(*size, *grid, alignment))


def gradient(machine, start, content, targets):
    """Put the bands together; each row comes once."""
    out = torch.full((machine.network.channels_in, *start.shape[1:]), torch.nan, dtype=start.dtype)
    with torch.no_grad():
        for rows, band in machine.gradient(reader(start), reader(content), targets):
            assert out[:, rows].isnan().all()
            out[:, rows] = band
    return out


def error(found, expected):
    return (torch.linalg.norm(found - expected) / torch.linalg.norm(expected)).item()


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(4, 61), st.integers(4, 61)),
    grid=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    name=st.sampled_from(["small", "grey"]),
    coloured=st.booleans(),
)
def test_the_gradient_is_autograds_for_any_tiles(request, plain, size, grid, name, coloured):
    network = request.getfixturevalue(name)
    channels = network.channels_in
    start = image(1, size, channels if coloured else 1)
    content, style = image(2, size), image(3, (40, 44))
    targets = plain.grams(network, style.expand(channels, -1, -1))
    whole = start.expand(channels, -1, -1)
    expected = plain.gradient(network, whole, content.expand(channels, -1, -1), targets)
    found = gradient(engine(network, size, grid), start, content, targets)
    assert error(found, expected) < 1e-9


@pytest.mark.parametrize("size", [(131, 150), (96, 201)])
@pytest.mark.parametrize("grid", [(2, 2), (5, 4)])
def test_tiles_hardly_change_the_rounding(wide, plain, size, grid):
    """In float32: far below 1e-4 of the norm, hardly a sign changed."""
    start, content = (image(seed, size, dtype=torch.float32) for seed in (1, 2))
    targets = plain.grams(wide, image(3, (64, 64)).expand(3, -1, -1))
    one, many = (
        gradient(engine(wide, size, g, torch.float32), start, content, targets)
        for g in ((1, 1), grid)
    )
    assert error(many, one) < 3e-5
    assert (many.sign() != one.sign()).double().mean() < 1e-3
    grey = (start.double().expand(3, -1, -1), content.double().expand(3, -1, -1))
    exact = plain.gradient(wide, *grey, targets)
    assert error(one.double(), exact) < 1e-2  # ReLUs and pooling that tip over
    assert (one.sign() != exact.sign()).double().mean() < 1e-3


def test_vgg19s_gradient_is_autograds(network, plain):
    size = (50, 35)
    start, content = image(1, size, 3), image(2, size)
    targets = plain.grams(network, image(3, (32, 32)).expand(3, -1, -1))
    expected = plain.gradient(network, start, content.expand(3, -1, -1), targets)
    found = gradient(engine(network, size, (2, 1)), start, content, targets)
    assert error(found, expected) < 1e-9


def test_the_gradient_predicts_the_change_of_the_loss(small, plain):
    size = (21, 30)
    start, content = image(1, size, 3), image(2, size)
    grey = content.expand(3, -1, -1)
    targets = plain.grams(small, image(3, size, 3))
    slope = gradient(engine(small, size, (1, 2)), start, content, targets)
    step = 1e-7 * slope.sign()
    before = plain.loss(small, start, grey, targets)
    change = plain.loss(small, start - step, grey, targets) - before
    assert change.item() == pytest.approx(-(slope * step).sum().item(), rel=1e-3)


def test_half_precision_is_near(wide, plain):
    """Convolutions in half precision, sums and gradient in float32: hence nothing underflows."""
    size = (40, 64)
    start, content = (image(seed, size, dtype=torch.float32) for seed in (1, 2))
    targets = plain.grams(wide, image(3, (64, 64)).expand(3, -1, -1))
    full, half, brain = (
        gradient(engine(wide, size, (1, 1), dtype), start, content, targets)
        for dtype in (torch.float32, torch.float16, torch.bfloat16)
    )
    assert full.dtype == half.dtype == brain.dtype == torch.float32
    assert error(half, full) < 0.1
    assert error(brain, full) < 0.3
    assert (half.sign() != full.sign()).double().mean() < 0.03


@given(
    size=st.integers(16, 300),
    count=st.integers(1, 18),
    depth=st.integers(0, 4),
    margin=st.integers(0, 80),
)
def test_tiles_own_every_pixel_once_at_every_depth(size, count, depth, margin):
    row = cut(size, 16, min(count, size // 16), 1, 16)
    sides = [tiles[0].y for tiles in row]
    owned = [pixel for side in sides for pixel in range(*side.owned(depth))]
    assert owned == list(range(size >> depth))
    for side in sides:
        (start, stop), (first, last) = side.owned(depth), side.extent(depth, margin)
        assert 0 <= first <= start < stop <= last <= size >> depth
        assert first == 0 or start - first == margin
        assert last == size >> depth or last - stop == margin


def test_margins_are_the_receptive_field():
    """relu5_1 of VGG19 sees 156 pixels: 70 beyond 16 owned ones on either side."""
    plan = plan_layers("vgg19", VGG, {"relu5_1"})
    assert [layer.margin for layer in plan] == [69, 68, 33, 32, 15, 14, 13, 12, 5, 4, 3, 2, 0]
    assert 2 * (plan[0].margin + 1) + 16 == 156
    assert [layer.pooled for layer in plan].count(True) == 4
    assert [s.name for s in plan_layers("vgg19", VGG, {"relu2_2"})][-1] == "relu2_2"
    with pytest.raises(InputError, match="relu6_1"):
        plan_layers("vgg19", VGG, {"relu6_1"})


def test_padding_is_at_the_true_border_only():
    layer = plan_layers("small", [2], {"relu1_1"})[0]
    assert Side(0, 16, 48).padding(layer) == (1, 0)
    assert Side(16, 32, 48).padding(layer) == (0, 0)
    assert Side(32, 48, 48).padding(layer) == (0, 1)
    assert Side(0, 48, 48).padding(layer) == (1, 1)


@given(
    size=st.tuples(st.integers(16, 900), st.integers(16, 900)), most=st.integers(30_000, 400_000)
)
def test_the_chosen_tiles_fit(size, most):
    reach = 70
    grid = choose_grid(*size, 16, reach, lambda rows, columns: rows * columns <= most)
    assert grid is not None
    largest = 0
    for row in cut(*size, *grid, 16):
        for tile in row:
            sides = [side.extent(0, reach) for side in (tile.y, tile.x)]
            largest = max(largest, int(np.prod([stop - start for start, stop in sides])))
    assert largest <= most
    assert grid == (1, 1) or size[0] * size[1] > most


def test_a_limit_that_is_too_small_names_the_smallest(network):
    """And the named one works."""
    options = {"content": True, "device": "cpu", "dtype": torch.float32}
    with pytest.raises(InputError, match=r"at least [\d.]+ GB for images of 2048 x 1024") as caught:
        prepare(network, (2048, 1024), memory_limit=10**6, **options)
    assert "\n" not in str(caught.value)
    named = round(float(str(caught.value).split("at least ")[1].split(" GB")[0]) * 1e9)
    assert len(prepare(network, (2048, 1024), memory_limit=named, **options).tiles) > 10
    assert prepare(network, (1024, 1024), memory_limit=10**9, **options).tiles[0][0].y.stop == 1024


def test_the_normal_tilt_is_one_tile_within_the_default_limit(network):
    options = {"content": True, "device": "cpu", "dtype": torch.float32}
    tiles = prepare(network, (1024, 1024), memory_limit=default_limit("cpu"), **options).tiles
    assert [len(row) for row in tiles] == [1]


def test_the_style_alone_needs_no_content(small, plain):
    pixels = image(1, (33, 47), 3)
    machine = engine(small, (33, 47), (2, 3), content=False)
    with torch.no_grad():
        sums = machine.style_sums(reader(pixels))
    for layer, expected in plain.grams(small, pixels).items():
        torch.testing.assert_close(sums.grams[layer] / machine.pixels()[layer], expected)
