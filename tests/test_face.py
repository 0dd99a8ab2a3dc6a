"""What ``import faket`` offers."""

import subprocess
import sys

import numpy as np
import pytest

import faket
from faket.style import load_network

ANGLES = np.arange(-60.0, 61.0, 12.0)


def test_importing_the_package_loads_no_library() -> None:
    heavy = "{'numpy', 'scipy', 'torch', 'mrcfile'}"
    code = f"import sys, faket; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_every_listed_name_is_there_and_nothing_else() -> None:
    for name in faket.__all__:
        assert getattr(faket, name) is not None
    with pytest.raises(AttributeError, match="nobody"):
        faket.nobody  # noqa: B018


@pytest.fixture(scope="module")
def series() -> tuple[faket.TiltSeries, faket.TiltSeries]:
    """Return noise-free projections, and a reference: others with noise, in grey values."""
    species = [faket.synthetic_species("syn-ring", voxel_size_A=10.0)]
    config = faket.SpecimenConfig(size_voxels=(64, 64, 32), voxel_size_A=10.0, particles=(8, 8))
    made = []
    for seed in (0, 1):
        specimen = faket.build_specimen(config, species, seed=seed)
        made.append(faket.noise_free_projections(specimen, ANGLES))
    noise = np.random.default_rng(0).poisson(200, made[1].images.shape)
    grey = (noise + made[1].images / made[1].images.std()).astype(np.float32)
    return made[0], faket.TiltSeries(grey, made[1].geometry)


@pytest.mark.parametrize("method", ["style", "spectral", "coloured", "noisy", "baseline"])
def test_from_arrays_to_a_tomogram(series, method) -> None:
    noise_free, reference = series
    notices: list[str] = []
    found = faket.look_like(noise_free, reference, method=method, say=notices.append, device="cpu")
    assert found.images.shape == noise_free.images.shape
    np.testing.assert_allclose(found.images.mean((1, 2)), reference.images.mean((1, 2)), rtol=0.05)
    assert bool(notices) == (method in ("style", "spectral"))
    again = faket.look_like(noise_free, reference, method=method, device="cpu")
    assert again.images.tobytes() == found.images.tobytes()
    tomogram = faket.reconstruct(found, depth=32, device="cpu")
    assert tomogram.data.shape == (32, 64, 64)


def test_projections_are_minus_line_integrals(series) -> None:
    """The sum of a projection at 0 degrees is minus that of the potential, times the voxel."""
    species = [faket.synthetic_species("syn-ring", voxel_size_A=10.0)]
    config = faket.SpecimenConfig(size_voxels=(64, 64, 32), voxel_size_A=10.0, particles=(8, 8))
    specimen = faket.build_specimen(config, species, seed=0)
    at_zero = faket.noise_free_projections(specimen, [0.0])
    expected = -10.0 * specimen.potential.data.sum(dtype=float)
    np.testing.assert_allclose(at_zero.images.sum(dtype=float), expected, rtol=1e-4)
    assert at_zero.geometry.pixel_size_A == 10.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "benchmark"}, "method"),
        ({"method": "faket"}, "network"),
        ({"method": "noisy", "network": load_network("texture")}, "transfers no style"),
        ({"method": "nonsense"}, "expected one of"),
    ],
)
def test_methods_that_cannot_be_used_are_refused(series, change, message) -> None:
    with pytest.raises(faket.InputError, match=message):
        faket.look_like(*series, **change)


def test_another_pixel_size_is_refused(series) -> None:
    noise_free, reference = series
    geometry = faket.TiltGeometry(reference.geometry.angles_deg, 5.0)
    with pytest.raises(faket.InputError, match="10 Å, found 5 Å"):
        faket.look_like(noise_free, faket.TiltSeries(reference.images, geometry))
