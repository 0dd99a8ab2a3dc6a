"""How much memory is counted, in cases that have one exact answer."""

import pytest
import torch

from faket.style import Adam
from faket.style.vgg.engine import prepare
from faket.style.vgg.iterate import state_bytes
from faket.style.vgg.loss import AT_ONCE
from faket.style.vgg.memory import default_limit, footprint


def test_an_iterate_and_adams_two_moments_are_held_between_iterations():
    rule = Adam(0.15)
    assert state_bytes((100, 80), 3, rule, 30, 4) == 3 * (100 * 80 * 3 * 4)
    assert state_bytes((100, 80), 3, rule, 1, 4) == 0


def test_a_tile_reads_image_and_content_and_libraries_take_100_megabytes(small):
    layers = prepare(
        small, (64, 64), "cpu", torch.float32, content=True, memory_limit=10**12
    ).layers
    counted = footprint(layers, small.style_weights, small.content_weights)
    assert counted.always == pytest.approx(100e6 + 3 * 4 * AT_ONCE, rel=0.01)
    without = footprint(layers, small.style_weights, ())
    assert 0 < without.per_pixel < counted.per_pixel
    assert default_limit("cpu") == 2 * 10**9
