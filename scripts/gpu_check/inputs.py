"""Inputs of the check, made by code."""

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from faket.data import ClassInfo, Particles, Specimen, TiltGeometry, TiltSeries, Volume

ANGLES = np.array([-60.0, -33.0, -10.0, 0.0, 12.0, 45.0, 60.0])
FULL_ANGLES = np.arange(-60.0, 61.0, 2.0)
SPECIES = "syn-propeller"


def noise(*shape: int, seed: int = 0) -> Any:
    """Return white noise, float32."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def walks(tilts: int, height: int, width: int = 0, *, seed: int) -> Any:
    """Return images whose power falls with frequency, and white noise on them."""
    white = noise(tilts, height, width or height, seed=seed)
    walk = np.cumsum(noise(*white.shape, seed=seed + 1000), axis=2)
    return (walk + white).astype(np.float32)


def tilts_of(size: int, tilts: int, *, seed: int) -> Any:
    """Return a stack of which a few tilts come again and again: it costs the same."""
    return walks(4, size, seed=seed)[np.arange(tilts) % 4]


def shaken_series(images: Any) -> TiltSeries:
    """Return images with shifts, and a tilt axis that is not along y."""
    angles = np.linspace(-60, 60, len(images))
    shifts = np.random.default_rng(1).normal(0, 4, (len(images), 2))
    return TiltSeries(images, TiltGeometry(angles, 5.0, shifts_A=shifts, tilt_axis_deg=3.0))


def dotted_specimen(shape: tuple[int, int, int] = (24, 48, 56)) -> Specimen:
    """Return cubes of protein, membrane and gold in ice, 5 Å a voxel."""
    rng, labels = np.random.default_rng(2), np.zeros(shape, np.uint8)
    for i in range(24):
        place = tuple(slice(c, c + 5) for c in rng.integers(0, np.array(shape) - 5))
        labels[place] = 1 + i % 3
    potential = np.array([0, 6, 3, 25], np.float32)[labels]
    nobody = Particles(
        np.zeros(0, int), (), np.zeros((0, 3)), Rotation.identity(0), np.zeros((0, 3))
    )
    classes = {
        i: ClassInfo(name, name) for i, name in enumerate(("protein", "membrane", "gold"), 1)
    }
    return Specimen(Volume(potential, 5.0), labels, labels.astype(np.uint16), nobody, classes)


def searched(
    volume: Any, species: str, rotations: Rotation, mask: str, device: str, memory_GB: float
) -> Any:
    """Search a tomogram for an embedded species, 10 Å a voxel."""
    from faket.picking.template_matching import (
        TM,
        KernelFactory,
        prepare_template,
        search,
        tomogram_transfer,
    )
    from faket.structures import synthetic_species

    template = prepare_template(synthetic_species(species, voxel_size_A=10.0), 10.0, TM)
    transfer = tomogram_transfer(template.padded_box, 10.0, TiltGeometry(FULL_ANGLES, 10.0))
    factory = KernelFactory(template, transfer, mask, torch.device(device))
    return search(volume, factory, rotations, memory_GB=memory_GB)


def reference_properties() -> Any:
    """Return what might have been measured on a counting microscope with a perfect detector."""
    from faket.methods.reference_properties import UNKNOWN, ReferenceProperties
    from faket.microscope.ctf_estimate import CtfEstimate
    from faket.noise import NoiseProfile

    angles, mean, rings = ANGLES[:3], np.full(3, 40.0), 64
    return ReferenceProperties(
        pixel_size_A=5.0,
        noise=NoiseProfile(*[np.full(3, 0.5)] * 2, mean, np.full(3, 9.0), "blind", angles),
        ctf=CtfEstimate(angles, np.full(3, 3.0), (2.9, 3.2), True, "metadata"),
        electrons=mean,
        envelope=np.ones((3, rings)),
        power=np.full((3, rings), 40.0),
        signal_fraction=np.zeros((3, rings)),
        signal_fraction_sigma=np.full((3, rings), UNKNOWN),
        anisotropy=np.zeros((3, 3, rings)),
        strength_source="mean",
        strength_sigma=0.5,
        fraction_source="none",
        contrast_power=np.zeros((3, rings)),
    )


def features(small: bool) -> Any:
    """Return VGG19 with random weights; at toy size a narrow network of its kind."""
    from faket.style import build_network, load_network

    if not small:
        return load_network("vgg19-random")
    generator, weights = torch.Generator().manual_seed(0), {}
    for name, before in (("a", 3), ("b", 8), ("c", 8), ("d", 8), ("e", 8)):
        weight = torch.randn(8, before, 3, 3, generator=generator) * (2 / before / 9) ** 0.5
        weights[name] = weight, torch.zeros(8)
    style = {"relu1_1": 0.5, "relu2_1": 0.3, "relu3_1": 0.2}
    return build_network("narrow", weights, (2, 2, 1), style, {"relu2_2": 1.0})


def cut_into(grid: tuple[int, int]) -> AbstractContextManager[Any]:
    """Let images be cut into so many rows and columns of tiles, whatever the memory."""
    return mock.patch("faket.style.vgg.engine.choose_grid", return_value=grid)
