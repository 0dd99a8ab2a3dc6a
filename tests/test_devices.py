"""Every torch path on a GPU that is not there: a tensor left on the wrong device raises.

What this cannot see is listed in docs/gpu.md.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from fake_cuda import InThisThread, fake_cuda
from faket.data import ClassInfo, Particles, Specimen, TiltGeometry, TiltSeries, Volume
from faket.device import auto_means, resolve_device
from faket.errors import InputError
from faket.methods.spectral import spectral_images
from faket.microscope import Microscope, draw_acquisition, expose
from faket.noise import add_noise, estimate_noise, other_noise
from faket.picking.networks import LabelledTomogram, TrainingSettings, build_network, segment
from faket.picking.networks.learner import Learner
from faket.picking.networks.training import train
from faket.picking.template_matching import (
    KernelFactory,
    TemplateMatching,
    correlation,
    prepare_template,
    search,
    tomogram_transfer,
    uniform_rotations,
)
from faket.projection import back_project, project
from faket.reconstruction import reconstruct
from faket.structures import synthetic_species
from faket.style import StyleProfile, load_network, transfer_style
from faket.style.network import build_network as build_features
from made_up_properties import properties

ANGLES = np.array([-30.0, 0.0, 40.0])


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_a_tensor_on_the_wrong_device_raises():
    with fake_cuda() as seen:
        there = torch.zeros(3, 3, device=resolve_device("auto"))
        here = torch.from_numpy(noise(3, 3))
        assert there.is_cuda
        for mixed in (lambda: there + here, lambda: there @ here, lambda: here.add_(there)):
            with pytest.raises(RuntimeError, match="device"):
                mixed()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert there.cpu().numpy().shape == (3, 3)
        assert "zeros" in seen


def test_projector_and_adjoint():
    with fake_cuda() as seen:
        assert project(noise(6, 8, 10), ANGLES, width=12).shape == (3, 8, 12)
        assert back_project(noise(3, 8, 12), ANGLES, depth=6, width=10).shape == (6, 8, 10)
        assert "embedding_bag" in seen


def test_what_auto_means():
    with fake_cuda():
        assert resolve_device("auto") == "cuda"
        with auto_means("cpu"):
            assert resolve_device("auto") == "cpu"
            assert resolve_device("cuda") == "cuda"
        assert resolve_device("auto") == "cuda"
    with auto_means("cuda"), pytest.raises(InputError, match="choose `device` cpu"):
        resolve_device("auto")


def test_spectral_images():
    angles = np.array([-40.0, 0.0, 30.0])
    with fake_cuda() as seen:
        made = spectral_images(noise(3, 48, 40), properties(known=False), angles, seed=0)
        assert made.shape == (3, 48, 40)
        assert {"fft_rfft2", "fft_fft2", "index_add_"} <= seen


@pytest.mark.parametrize("spectrum", ["white", "reference"])
def test_noise(spectrum):
    profile = estimate_noise(40 + noise(3, 48, 40), angles_deg=ANGLES)
    with fake_cuda() as seen:
        made = add_noise(noise(3, 48, 40), profile, seed=0, spectrum=spectrum)
        assert made.shape == (3, 48, 40)
        assert other_noise(noise(3, 48, 40), profile, seed=0, spectrum=spectrum).shape == made.shape
        assert ("fft_rfft2" in seen) == (spectrum == "reference")
        assert seen


def test_reconstruction():
    geometry = TiltGeometry(ANGLES, 5.0, shifts_A=np.ones((3, 2)), tilt_axis_deg=3.0)
    with fake_cuda():
        made = reconstruct(TiltSeries(noise(3, 16, 20), geometry), depth=6, binning=2)
        assert made.data.shape == (6, 8, 10)


def specimen(shape=(12, 24, 32)):
    labels = np.zeros(shape, np.uint8)
    for label in (1, 2, 3):
        labels[4:8, 4:8, 8 * label : 8 * label + 4] = label
    nobody = Particles(
        np.zeros(0, int), (), np.zeros((0, 3)), Rotation.identity(0), np.zeros((0, 3))
    )
    classes = {1: "protein", 2: "membrane", 3: "gold"}
    return Specimen(
        Volume(5.0 * (labels > 0).astype(np.float32), 5.0),
        labels,
        np.zeros(shape, np.uint16),
        nobody,
        {label: ClassInfo(name, name) for label, name in classes.items()},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"slice_thickness_A": 10.0, "phase_plate_deg": 90.0},
        {"ice": False, "slice_thickness_A": 10.0},
        {"model": "phase-grating", "absorption": False},
    ],
)
def test_microscope(changes):
    microscope = Microscope(tilt_axis_deg=(85.0, 85.0), rotation_error_deg=0.5, **changes)
    record = draw_acquisition(microscope, TiltGeometry(ANGLES, 5.0), seed=1)
    kept = ["potential", "exit_wave", "intensity", "counts"]
    with fake_cuda() as seen:
        exposure = expose(specimen(), record, keep=kept, halves=True)
        assert exposure.series.images.shape == (3, 24, 32)
        assert {"fft_fft", "fft_ifft", "fft_rfft2", "polar"} <= seen


@pytest.fixture
def unmatched(monkeypatch):
    """The mean of fakes leaves the memory of the result as it was: no numbers to be matched."""
    monkeypatch.setattr("faket.style.transfer.match_in_place", lambda *_: None)


@pytest.fixture(scope="module")
def network():
    """VGG19's kinds of layers, few of them."""
    shapes = {"a": (8, 3), "b": (8, 8), "c": (8, 8), "d": (8, 8)}
    weights = {
        name: (torch.ones(out, before, 3, 3), torch.zeros(out))
        for name, (out, before) in shapes.items()
    }
    style = {"relu1_1": 0.5, "relu2_1": 0.5}
    return build_features("small", weights, (1, 2, 1), style | {"relu3_1": 0.1}, {"relu2_2": 1.0})


@pytest.mark.usefixtures("unmatched")
@pytest.mark.parametrize(
    ("dtype", "tiles"), [(torch.float32, (1, 2)), (torch.float16, (1, 1))], ids=str
)
def test_style_of_vgg19(network, dtype, tiles, monkeypatch):
    monkeypatch.setattr("faket.style.vgg.engine.choose_grid", lambda *_: tiles)
    content, initial, style = (noise(1, 49, 66, seed=i) for i in range(3))
    options = {"network": network, "dtype": dtype}
    with fake_cuda() as seen:
        profile = StyleProfile.measure(style, **options)
        made = transfer_style(content, initial, profile, iterations=2, **options)
        assert made.shape == content.shape
        assert {"conv2d", "conv_transpose2d"} <= seen


@pytest.mark.usefixtures("unmatched")
def test_style_of_texture():
    content, initial, style = (noise(1, 130, 144, seed=i) for i in range(3))
    with fake_cuda() as seen:
        network = load_network("texture")
        made = transfer_style(content, initial, style, network=network, iterations=2)
        assert made.shape == content.shape
        assert {"conv2d", "conv_transpose2d", "linalg_inv", "avg_pool2d"} <= seen


@pytest.mark.parametrize("bfloat16", [True, False], ids=["bfloat16", "float16"])
def test_deepfinder(bfloat16, monkeypatch):
    volume, rng = noise(16, 20, 24), np.random.default_rng(0)
    tomogram = LabelledTomogram(
        volume, rng.integers(0, 3, volume.shape).astype(np.uint8), np.full((4, 3), 8)
    )
    settings = TrainingSettings(
        epochs=1, batch=2, patch=8, width=0.25, average_steps=3, cross_entropy=1.0
    )
    learners = []
    begin = Learner.begin.__func__

    def noted(cls, *args):
        learners.append(begin(cls, *args))
        return learners[-1]

    def backward(loss):
        for parameter in learners[-1].network.parameters():
            parameter.grad = torch.zeros_like(parameter)

    monkeypatch.setattr(Learner, "begin", classmethod(noted))
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    # A build of torch for CUDA asks the driver for its stream, which there is none of.
    for check in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
        monkeypatch.setattr(torch.optim.Optimizer, check, lambda self: None, raising=False)
    with fake_cuda(bfloat16=bfloat16) as seen:
        trained = train(
            [tomogram],
            classes=("background", "one", "two"),
            voxel_size_A=10.0,
            settings=settings,
            seed=0,
            validation=tomogram,
        )
        assert trained.last.epoch == 1
        train(
            [tomogram],
            classes=("background", "one", "two"),
            voxel_size_A=10.0,
            settings=replace(settings, epochs=2),
            seed=0,
            start=trained.last,
        )
        # A truth value is true of fakes, that a gradient overflowed with float16 too: no step.
        assert "lerp_" in seen if bfloat16 else "_amp_update_scale_" in seen


def test_segmentation():
    network = build_network(3, width=0.25, seed=0)
    with fake_cuda() as seen:
        for binning in (1, 2):
            found = segment(noise(20, 33, 40), network, binning=binning, tile=24, margin=4)
            assert found.labels.shape == tuple(n // binning for n in (20, 33, 40))
        assert "conv3d" in seen


@pytest.mark.parametrize("mask", ["sphere", "shape"])
def test_template_matching(mask, monkeypatch):
    monkeypatch.setattr(correlation, "ThreadPoolExecutor", InThisThread)
    species = synthetic_species("syn-hook", voxel_size_A=20.0)
    template = prepare_template(species, 20.0, TemplateMatching())
    transfer = tomogram_transfer(template.padded_box, 20.0, TiltGeometry(ANGLES, 20.0))
    rotations = uniform_rotations(60.0)[:3]
    with fake_cuda() as seen:
        factory = KernelFactory(template, transfer, mask, torch.device("cuda"))
        factory.check_symmetry(rotations, "C1")
        maps = search(noise(24, 26, 28), factory, rotations, memory_GB=1e-3)
        assert maps.scores.shape == (24, 26, 28)
        assert {"grid_sample", "fft_irfft"} <= seen
