"""What is known by the content of a stack."""

import numpy as np

from faket.noise.by_content import ByContent


def test_each_content_is_computed_once_and_the_oldest_forgotten():
    computed = []
    known = ByContent[float](2)

    def total(images):
        computed.append(images.sum())
        return float(images.sum())

    stacks = [np.full((2, 3, 4), value, np.float32) for value in (1, 2, 3)]
    for stack in (stacks[0], stacks[1], stacks[0].copy(), stacks[2], stacks[1], stacks[0]):
        assert known.get(stack, total) == stack.sum()
    assert computed == [24, 48, 72, 24]
    stacks[0][1, 2, 3] = 5  # in place
    assert known.get(stacks[0], total) == 28
    assert known.get(stacks[0].reshape(1, 6, 4), total) == 28
    assert len(computed) == 6
