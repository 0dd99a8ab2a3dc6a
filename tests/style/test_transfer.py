"""Style transfer against the published recipe written down plainly a second time, in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from faket.errors import InputError
from faket.style import StyleProfile, load_network, transfer_style

ANGLES = np.array([-20.0, 0.0, 20.0])
MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
SIGMA = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
STYLE = {1: 256 / 341, 6: 64 / 341, 11: 16 / 341, 20: 4 / 341, 29: 1 / 341}
POOLED_AT = (4, 9, 18, 27)


def plain_features(state, image, wanted):
    """Walk torchvision's list of layers by index: convolution, ReLU, ..., pooling."""
    x, found = (image - MEAN) / SIGMA, {}
    for index in range(max(wanted) + 1):
        if index in POOLED_AT:
            x = F.max_pool2d(x, 2)
        elif f"features.{index}.weight" in state:
            weight = state[f"features.{index}.weight"].double()
            bias = state[f"features.{index}.bias"].double()
            border = "replicate" if index == 0 else "constant"
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=border), weight, bias)
        else:
            x = torch.clamp(x, min=0)
        if index in wanted:
            found[index] = x
    return found


def plain_gram(features):
    h, w = features.shape[2:]
    return torch.einsum("chw,dhw->cd", features[0], features[0]) / (h * w)


def plain_term(a, b):
    return ((a - b) ** 2).sum() / (torch.abs(a - b).sum() + 1e-8)


def plain_unit(stack, tilt):
    stack = torch.from_numpy(stack.astype(np.float64))
    unit = (stack - stack.min()) / (stack.max() - stack.min())
    return unit[tilt].repeat(3, 1, 1)[None]


def plain_iterates(state, content, initial, style, iterations, rate=0.15):
    target = plain_features(state, content, [8])[8]
    grams = {i: plain_gram(f) for i, f in plain_features(state, style, list(STYLE)).items()}
    image, m, v, iterates = initial, 0, 0, [initial]
    for step in range(1, iterations + 1):
        image = image.detach().requires_grad_()
        found = plain_features(state, image, [8, *STYLE])
        loss = plain_term(found[8], target)
        for index, weight in STYLE.items():
            loss = loss + weight * plain_term(plain_gram(found[index]), grams[index])
        loss.backward()
        m = 0.9 * m + 0.1 * image.grad
        v = 0.999 * v + 0.001 * image.grad**2
        change = rate * (m / (1 - 0.9**step)) / (torch.sqrt(v / (1 - 0.999**step)) + 1e-8)
        image = (image.detach() - change).clamp(0, 1)
        iterates.append(image)
    return iterates


def plain_transfer(state, content, initial, style, tilt, iterations):
    iterates = plain_iterates(
        state, *(plain_unit(stack, tilt) for stack in (content, initial, style)), iterations
    )
    # The average's weights in closed form: decay^(n - i) (1 - decay) / (1 - decay^(n + 1)).
    n = len(iterates)
    weights = [0.99 ** (n - 1 - i) * 0.01 / (1 - 0.99**n) for i in range(n)]
    image = sum(w * x for w, x in zip(weights, iterates, strict=True))[0].mean(0).numpy()
    wanted = style[tilt].astype(np.float64)
    return (image - image.mean()) / image.std() * wanted.std() + wanted.mean()


@pytest.mark.parametrize(("iterations", "tilts"), [(1, 3), (3, 1)])
def test_agrees_with_the_plain_recipe(network, state, iterations, tilts, stacks):
    content, initial, style = stacks(tilts=tilts)
    found = transfer_style(
        content,
        initial,
        style,
        network=network,
        iterations=iterations,
        dtype=torch.float64,
        device="cpu",
    )
    assert found.dtype == np.float32
    for tilt in range(tilts):
        expected = plain_transfer(state, content, initial, style, tilt, iterations)
        assert np.abs(found[tilt] - expected).max() < 1e-4 * expected.std()


def test_odd_and_oblong_images_agree_too(network, state, stacks):
    """Pooling leaves odd rows and columns out; the style's size is its own."""
    content, initial, style = stacks()
    content, initial, style = content[:1, :37, :42], initial[:1, :37, :42], style[:1, :45, :33]
    found = transfer_style(
        content, initial, style, network=network, dtype=torch.float64, device="cpu"
    )
    expected = plain_transfer(state, content, initial, style, 0, 1)
    assert np.abs(found[0] - expected).max() < 1e-4 * expected.std()


def test_float32_agrees_with_float64(network, stacks):
    """Where a gradient is near 0 its sign is a toss; that is few pixels."""
    content, initial, style = stacks(32)
    single, double = (
        transfer_style(content, initial, style, network=network, dtype=dtype, device="cpu")
        for dtype in (torch.float32, torch.float64)
    )
    different = np.abs(single - double) > 1e-3 * style.std()
    assert different.mean() < 0.02


def test_one_step_is_the_published_average(network, stacks):
    """0.4975 x₀ + 0.5025 x₁ with x₁ = clamp(x₀ ± 0.15), recovered from the output alone.

    Interior pixels whose three channels agree in sign move by 0.5025 × 0.15 up or down.
    """
    decay = 0.99
    assert round(decay * (1 - decay) / (1 - decay**2), 4) == 0.4975
    assert round((1 - decay) / (1 - decay**2), 4) == 0.5025
    content, initial, style = (stack[:1] for stack in stacks())
    out = transfer_style(
        content, initial, style, network=network, dtype=torch.float64, device="cpu"
    )[0].astype(float)
    start = plain_unit(initial, 0)[0, 0].numpy()
    # out = a (start + move) + b; moves are ±0.15 × 0.5025, or a third of that: find a and b.
    moves = np.array([-3, -1, 1, 3]) / 3 * 0.15 * 0.01 / (1 - 0.99**2)
    inside = (start > 0.15) & (start < 0.85)
    move, design = np.zeros(inside.sum()), np.ones((inside.sum(), 2))
    for _ in range(20):
        design[:, 0] = start[inside] + move
        (a, b), *_ = np.linalg.lstsq(design, out[inside], rcond=None)
        step = (out[inside] - b) / a - start[inside]
        move = moves[np.abs(step[:, None] - moves).argmin(1)]
    assert np.mean(np.abs(step - move) < 1e-3) > 0.98


def test_the_result_has_the_styles_statistics(network, stacks):
    content, initial, style = stacks(32)
    out = transfer_style(content, initial, style, network=network, device="cpu")
    np.testing.assert_allclose(out.mean((1, 2), dtype=float), style.mean((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(out.std((1, 2), dtype=float), style.std((1, 2)), rtol=1e-4)


def test_nothing_to_change_stays_finite(network, stacks):
    """Content, start and style alike: every gradient is 0 but for rounding, and never NaN.

    Adam makes a whole step of any rounding, so that no more can be asked for than a step's bound.
    """
    _, initial, _ = stacks(32)
    out = transfer_style(initial, initial, initial, network=network, device="cpu")
    step = 0.15 * (1 - 0.99) / (1 - 0.99**2)
    assert np.abs(out - initial).max() < 1.1 * step * np.ptp(initial)


def test_same_input_same_bytes_and_global_state_untouched(network, stacks):
    content, initial, style = (stack[:1] for stack in stacks())
    before = torch.random.get_rng_state()
    outs = [transfer_style(content, initial, style, network=network) for _ in range(2)]
    assert outs[0].tobytes() == outs[1].tobytes()
    assert torch.equal(before, torch.random.get_rng_state())


def test_threads_do_not_change_the_meaning(network, stacks):
    content, initial, style = (stack[:1] for stack in stacks(32))
    threads = torch.get_num_threads()
    outs = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            outs.append(
                transfer_style(
                    content, initial, style, network=network, dtype=torch.float64, device="cpu"
                )
            )
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(outs[0], outs[1], atol=1e-4 * style.std())


def test_tilts_are_independent_but_for_the_common_scale(network, stacks):
    """A stack in another order gives its results in that order."""
    content, initial, style = stacks(32)
    out = transfer_style(content, initial, style, network=network, device="cpu")
    order = [2, 0, 1]
    shuffled = transfer_style(
        content[order], initial[order], style[order], network=network, device="cpu"
    )
    np.testing.assert_array_equal(shuffled, out[order])


def test_styles_are_matched_by_nearest_angle(network, stacks):
    content, initial, style = stacks(32)
    by_index = transfer_style(content, initial, style, network=network, device="cpu")
    more = np.concatenate([style[::-1], style[1:2] + 1])
    by_angle = transfer_style(
        content,
        initial,
        more,
        network=network,
        device="cpu",
        angles_deg=ANGLES,
        style_angles_deg=[19.0, 1.0, -23.0, 60.0],
    )
    np.testing.assert_array_equal(by_angle, by_index)


def test_a_measured_profile_stands_for_its_stack(network, stacks):
    content, initial, style = stacks(32)
    profile = StyleProfile.measure(style, network=network, device="cpu")
    np.testing.assert_array_equal(
        transfer_style(content, initial, profile, network=network, device="cpu"),
        transfer_style(content, initial, style, network=network, device="cpu"),
    )


def test_progress_counts_to_the_end(network, stacks):
    content, initial, style = stacks(16)
    seen = []
    transfer_style(
        content, initial, style, network=network, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(done, 6) for done in range(1, 7)]


def test_bad_input_is_refused_in_one_line(network, stacks):
    content, initial, style = stacks(16)
    broken, flat = initial.copy(), style.copy()
    broken[1, 3, 3] = np.nan
    flat[2] = 0
    profile = StyleProfile.measure(style, network=network)
    other = load_network("vgg19-random", seed=2)
    cases = [
        ((content, broken, style), {}, "initial.*tilt 1"),
        ((broken, initial, style), {}, "content.*tilt 1"),
        ((content, initial, flat), {}, "style.*tilt 2"),
        ((content, initial[:2], style), {}, "shape"),
        ((content, initial, style[:2]), {}, "angles"),
        ((content, initial, style), {"angles_deg": [0, 1]}, "angle"),
        ((content[:, :15], initial[:, :15], style), {}, "16 pixels"),
        ((content, initial, style), {"iterations": 0}, "iterations"),
        ((content, initial, profile), {"style_angles_deg": ANGLES}, "StyleProfile"),
        ((content, initial, profile), {"network": other}, "measure the reference again"),
    ]
    for arguments, options, word in cases:
        with pytest.raises(InputError, match=word) as error:
            transfer_style(*arguments, **{"network": network, "device": "cpu"} | options)
        assert "\n" not in str(error.value)
