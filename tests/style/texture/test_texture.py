"""The ``texture`` network: its weights, its features, its step rule, and what it is for."""

import hashlib
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors.torch import load

from faket.data import TiltGeometry
from faket.errors import InputError
from faket.evaluation import content_correlation, spectrum_distance
from faket.microscope import Microscope, draw_acquisition, expose
from faket.noise import content, estimate_noise, noisy
from faket.projection import project
from faket.seeds import generator
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import synthetic_species
from faket.style import load_network
from faket.style.texture import passes as texture_passes
from faket.style.texture.network import channels, convolution_shapes, entries, load_texture
from faket.style.texture.update import (
    GramStep,
    gram_entries,
    gram_scale,
    grams_of,
    transfer_tilt,
)

# Of the file that docs/texture-network.md describes.
FILE_SHA256 = "68b1eddd729274a4b0506c8e94919a045dd62d74db34e323bd3996407200cff0"
NETWORK_DIGEST = "244cc0bf6e15fefb270247308be08235a6c0a87eb06b4cbb798ff8b43126aabf"

# Mean squares of channels 1, 2, 5 and 8 of each level, for noise(3, (96, 96), smooth=30).
RECORDED = [
    [0.979069, 1.021414, 1.555451, 0.457142],
    [1.509956, 1.359651, 1.679111, 1.770918],
    [1.699267, 1.266575, 1.50151, 1.226656],
    [1.73319, 1.052462, 1.716362, 1.173711],
    [1.453955, 0.688098, 0.841647, 1.014237],
]


@pytest.fixture(scope="module")
def network():
    return load_texture()


def standard(image):
    image = torch.as_tensor(np.asarray(image, np.float32))
    return (image - image.mean()) / image.std()


def noise(seed, shape, smooth=0.0):
    """Noise, white or with a falling spectrum, mean 0 and σ 1."""
    image = generator(seed, "image").standard_normal(shape)
    k = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    return standard(np.fft.irfft2(np.fft.rfft2(image) / (1 + smooth * k**2), s=shape))


def packaged():
    return load(resources.files("faket.style").joinpath("texture.safetensors").read_bytes())


def test_the_file_in_the_package_is_the_described_one(network):
    data = resources.files("faket.style").joinpath("texture.safetensors").read_bytes()
    assert len(data) < 1_000_000
    assert hashlib.sha256(data).hexdigest() == FILE_SHA256
    assert network.digest == NETWORK_DIGEST
    shapes = {f"{key}.weight": shape for level in convolution_shapes() for key, shape in level} | {
        f"{key}.bias": shape[:1] for level in convolution_shapes() for key, shape in level
    }
    shapes["curvature"] = (entries() * (entries() + 1) // 2,)
    assert {name: tuple(tensor.shape) for name, tensor in packaged().items()} == shapes


def test_load_network_knows_it(network):
    assert load_network("texture").digest == network.digest
    arrays = {name: tensor.numpy() for name, tensor in packaged().items()}
    assert load_network("texture", weights=arrays).digest == network.digest


def test_curvature_is_symmetric_and_positive(network):
    torch.testing.assert_close(network.curvature, network.curvature.T, rtol=0, atol=0)
    diagonal = network.curvature.diagonal()
    assert (diagonal >= 0).all()
    torch.linalg.cholesky(network.curvature + 1e-4 * diagonal.max() * torch.eye(entries()))


def test_features_are_those_recorded(network):
    """Mean squares of the first image channels of each level, for a fixed image."""
    image = noise(3, (96, 96), smooth=30.0)
    found = dict(network.activations(image[None], network.style_weights))
    values = [found[name].square().mean((1, 2))[[1, 2, 5, 8]].tolist() for name in sorted(found)]
    np.testing.assert_allclose(values, RECORDED, rtol=2e-4)


def test_levels_have_their_sizes_and_the_constant(network):
    found = dict(network.activations(noise(1, (67, 50))[None], network.style_weights))
    for depth, name in enumerate(sorted(found)):
        assert found[name].shape == (channels(depth + 1), 67 >> depth, 50 >> depth)
        assert (found[name][0] == 1).all()
        assert found[name].min() >= 0
    with pytest.raises(InputError, match="level9"):
        list(network.activations(noise(1, (32, 32))[None], ["level9"]))


def test_filters_see_the_image_averaged_down(network):
    image = noise(5, (48, 64))
    found = dict(network.activations(image[None], ["level2"]))["level2"]
    halved = image.reshape(24, 2, 32, 2).mean((1, 3)).numpy()
    weight, bias = (tensor.numpy() for tensor in network.blocks[1][1])
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(halved, 3, mode="edge"), (7, 7))
    expected = np.einsum("yxij,cij->cyx", windows, weight[:, 0]) + bias[:, None, None]
    np.testing.assert_allclose(found[3:11].numpy(), np.maximum(expected, 0), atol=1e-4)


def test_features_move_with_the_image(network):
    """A shift of 16 pixels is one of 16, 8, 4, 2, 1 at the levels, away from the border."""
    image = noise(7, (384, 384), smooth=30.0)
    moved = dict(network.activations(image.roll((16, 32), (0, 1))[None], network.style_weights))
    for depth, (name, found) in enumerate(network.activations(image[None], network.style_weights)):
        margin = 128 >> depth
        inside = (slice(None), slice(margin, -margin), slice(margin, -margin))
        expected = found.roll((16 >> depth, 32 >> depth), (1, 2))
        torch.testing.assert_close(moved[name][inside], expected[inside], rtol=1e-4, atol=1e-4)


def test_tiles_change_nothing(network, monkeypatch):
    image, reference = noise(8, (144, 176)), noise(9, (96, 96), smooth=30.0)
    targets = grams_of(reference, network)
    whole = grams_of(image, network), transfer_tilt(image, image, targets, network, 1)
    monkeypatch.setattr(texture_passes, "_TILE_PX", {"cpu": (80, 96)})
    tiled = grams_of(image, network), transfer_tilt(image, image, targets, network, 1)
    for name, gram in whole[0].items():
        torch.testing.assert_close(tiled[0][name], gram, rtol=1e-5, atol=1e-6)
    assert (tiled[1] - whole[1]).norm() < 1e-4 * (image - whole[1]).norm()


def test_entries_are_the_upper_triangles():
    found = gram_entries({"a": torch.arange(4.0).view(2, 2), "b": torch.arange(9.0).view(3, 3)})
    assert found.tolist() == [1, 3, 1, 2, 4, 5, 8]


def test_a_step_with_the_images_own_curvature_corrects_all_entries():
    """For a small distance, Gauss-Newton takes it away at once, whatever the network."""
    rng = torch.Generator().manual_seed(0)
    weights = {"curvature": torch.zeros(entries() * (entries() + 1) // 2)}
    for level in convolution_shapes():
        for key, shape in level:
            weights[f"{key}.weight"] = torch.randn(shape, generator=rng) / shape[-1]
            weights[f"{key}.bias"] = torch.zeros(shape[0])
    plain = load_texture(weights).to("cpu", torch.float64)
    image = noise(11, (64, 64)).double().requires_grad_()
    features = [f.flatten(1) for _, f in plain.activations(image[None], ["level1"])]
    gram = {"level1": features[0] @ features[0].T / image.numel()}
    values = gram_entries({"level1": gram["level1"] / gram_scale(gram["level1"]).detach().sqrt()})
    rows = [torch.autograd.grad(v, image, retain_graph=True)[0].flatten() for v in values]
    jacobian = torch.stack(rows)
    rule = GramStep(jacobian @ jacobian.T * image.numel(), damping=(1e-6,))
    change = 1e-3 * noise(12, (64, 64)).double()
    target = {"level1": _gram(plain, image.detach() + change)}
    before = gram["level1"].detach()
    (step,) = torch.autograd.grad(
        (rule.weights({"level1": before}, target)["level1"] * gram["level1"]).sum(), image
    )
    after = _gram(plain, image.detach() - image.numel() * step)
    assert (after - target["level1"]).norm() < 0.05 * (before - target["level1"]).norm()
    # The least change that does it: no longer than the one the target was made with.
    assert (image.numel() * step).norm() < change.norm()


def _gram(plain, image):
    ((_, found),) = plain.activations(image[None], ["level1"])
    return found.flatten(1) @ found.flatten(1).T / image.numel()


def test_style_without_distance_changes_nothing(network):
    image = noise(13, (96, 96), smooth=10.0)
    same = transfer_tilt(image, image, grams_of(image, network), network)
    assert (same - image).abs().max() < 1e-3


def test_bad_weights_are_refused_in_one_line():
    good = packaged()
    for change, word in (
        ({"filters2.weight": None}, r"filters2.weight.*none"),
        ({"points1.bias": torch.zeros(3)}, r"points1.bias.*\(4,\).*\(3,\)"),
        ({"deep3.weight": torch.full((4, 15, 3, 3), float("nan"))}, r"deep3.weight.*NaN"),
        ({"filters1.bias": torch.zeros(8, dtype=torch.int64)}, r"filters1.bias.*integers"),
        ({"curvature": torch.zeros(7)}, "curvature"),
    ):
        with pytest.raises(InputError, match=word) as error:
            load_texture(good | change)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"points1.weight"):
        load_texture({"features.0.weight": torch.zeros(64, 3, 3, 3)})


@pytest.fixture(scope="module")
def unseen():
    """Two specimens under a microscope that training left out: K3, 6 µm, 1.8 e/Å² a tilt."""
    species = [
        synthetic_species(name, voxel_size_A=10.0)
        for name in ("syn-elbow", "syn-ring", "syn-barrel")
    ]
    config = SpecimenConfig(
        size_voxels=(256, 256, 60), voxel_size_A=10.0, copies={s.name: 120 for s in species},
        particles=(0, 0), vesicles=(0, 0), gold=(1, 1),
    )  # fmt: skip
    angles = np.array([-40.0, 0.0, 55.0])
    geometry = TiltGeometry(angles, 10.0, dose_e_per_A2=np.full(3, 1.8))
    microscope = Microscope(
        defocus_um=(6.0, 6.0), detector="K3", detector_pixel_A=2.5, shift_A=(0.0, 0.0)
    )
    stacks = {}
    for name, seed in (("own", 1), ("reference", 2)):
        specimen = build_specimen(config, species, seed=seed)
        record = draw_acquisition(microscope, geometry, seed=seed)
        stacks[name] = expose(specimen, record, device="cpu").series.images
        stacks[f"{name} noise-free"] = -project(specimen.potential.data, angles, device="cpu")
    profile = estimate_noise(stacks["reference"], stacks["reference noise-free"], angles_deg=angles)
    stacks["noisy"] = noisy(stacks["own noise-free"], profile, seed=3)
    stacks["content"] = content(stacks["own noise-free"], profile, seed=3)
    return stacks


def test_style_of_an_unseen_microscope(network, unseen):
    """The aims of the network, at a quarter of the size: spectrum, and content kept."""
    styled = []
    for kept, start, reference in zip(
        *(unseen[name] for name in ("content", "noisy", "reference")), strict=True
    ):
        targets = grams_of(standard(reference), network)
        styled.append(transfer_tilt(standard(kept), standard(start), targets, network).numpy())
    stack = np.stack(styled)
    own = unseen["own"]
    before, after = (
        spectrum_distance(images, own, rings=24).distance for images in (unseen["noisy"], stack)
    )
    assert after < before / 2
    kept = content_correlation(stack, unseen["own noise-free"]).mean
    assert kept > 0.9 * content_correlation(own, unseen["own noise-free"]).mean
