"""Foreign microscopes: what every one of them obeys."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

import faket.foreign
from faket.data import ClassInfo, Particles, Specimen, TiltSeries, Volume
from faket.errors import InputError
from faket.foreign import FORMATIONS, ForeignSeries, image, plane
from faket.rings import equal_rings

SIZE, DEPTH = 48, 24


def bodies(pixel_A: float, seed: int, strength: float = 1.0) -> Specimen:
    """Return balls of 60 to 120 Å in ice, of the potential of protein."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[:DEPTH, :SIZE, :SIZE]
    potential = np.zeros((DEPTH, SIZE, SIZE), np.float32)
    for _ in range(12):
        centre = rng.uniform(0.2, 0.8, 3) * (DEPTH, SIZE, SIZE)
        far = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        potential += np.clip(rng.uniform(60, 120) / 2 / pixel_A + 0.5 - far, 0, 1)
    none = np.zeros((0, 3))
    particles = Particles(np.zeros(0, np.int64), (), none, Rotation.identity(0), none)
    mask = np.zeros(potential.shape, np.uint8)
    volume = Volume(np.float32(3.3 * strength) * potential, pixel_A)
    classes = {1: ClassInfo("ball", "protein")}
    return Specimen(volume, mask, mask.astype(np.uint16), particles, classes)


@pytest.fixture(scope="module", params=list(FORMATIONS))
def taken(request) -> tuple[str, ForeignSeries]:
    specimen = bodies(FORMATIONS[request.param].pixel_size_A, 1)
    return request.param, image(request.param, specimen, seed=5)


def correlation(one, other) -> float:
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


def noise(found: ForeignSeries):
    """Return images minus signal without what varies over a quarter of the image: background."""
    rest = np.fft.rfft2(found.series.images - found.signal)
    rest *= np.hypot.outer(np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE)) > 3.5 / SIZE
    return np.fft.irfft2(rest, s=(SIZE, SIZE))


def test_a_series_is_what_the_table_promises(taken) -> None:
    name, found = taken
    formation = FORMATIONS[name]
    tilts = len(formation.angles_deg)
    assert isinstance(found.series, TiltSeries)
    for stack in (found.series.images, found.signal, found.noise_free):
        assert stack.shape == (tilts, SIZE, SIZE)
        assert stack.dtype == np.float32
        assert np.isfinite(stack).all()
    geometry = found.series.geometry
    assert geometry.pixel_size_A == formation.pixel_size_A
    np.testing.assert_array_equal(geometry.angles_deg, formation.angles_deg)
    known = {
        field
        for field in ("voltage_kV", "dose_e_per_A2", "order", "defocus_um", "amplitude_contrast")
        if getattr(geometry, field) is not None
    }
    assert known == set(formation.known)


def test_noise_does_not_know_the_signal_and_protein_is_dark(taken) -> None:
    _, found = taken
    assert abs(correlation(noise(found), found.signal)) < 0.05
    # At low frequencies contrast has the sign of the projections, and lies where they lie.
    low = [np.abs(np.fft.fftfreq(SIZE)) < 0.12] * 2
    keep = np.outer(*low)
    shown, ideal = (
        np.fft.ifft2(np.fft.fft2(stack) * keep).real for stack in (found.signal, found.noise_free)
    )
    assert correlation(shown, ideal) > 0.6


def test_signals_lie_where_the_projections_lie_on_average_over_tilts(taken) -> None:
    """Residual shifts of the tilts have mean 0; averages of pixels are centred on these."""
    name, found = taken
    shape, fraction = (SIZE, SIZE), np.hypot.outer(np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE))
    spectra = (np.fft.rfft2(stack) for stack in (found.signal, found.noise_free))
    cross = np.prod([next(spectra), next(spectra).conj()], axis=0).sum(axis=0)
    cross *= np.exp(-((fraction / 0.08) ** 2))
    cross[0, 0] = 0
    peak = np.fft.fftshift(np.fft.irfft2(cross, s=shape))
    for line in (peak[SIZE // 2], peak[:, SIZE // 2]):
        place = int(line.argmax())
        before, at, after = line[place - 1 : place + 2]
        shift_px = place - SIZE // 2 + (before - after) / (2 * (before - 2 * at + after))
        # Fine pixels leave room for two bodies only, which do not tell the place as well.
        assert abs(shift_px) < (0.2 if FORMATIONS[name].pixel_size_A > 5 else 1.0)


def test_signal_and_noise_are_seen_at_low_frequencies_and_noise_at_high_ones(taken) -> None:
    _, found = taken
    rings = equal_rings((SIZE, SIZE), 6, with_mean=False)
    signal, rest = (
        np.mean([rings.mean(np.abs(np.fft.rfft2(tilt)) ** 2) for tilt in stack], axis=0)
        for stack in (found.signal, noise(found))
    )
    assert signal[1] / rest[1] > 0.05
    assert signal[5] / rest[5] < 0.1


def test_another_seed_is_another_exposure_under_the_same_microscope(taken) -> None:
    name, first = taken
    second = image(name, bodies(FORMATIONS[name].pixel_size_A, 1), seed=6)
    np.testing.assert_array_equal(first.noise_free, second.noise_free)
    rings = equal_rings((SIZE, SIZE), 4, with_mean=False)
    powers = [
        np.mean([rings.mean(np.abs(np.fft.rfft2(tilt)) ** 2) for tilt in noise(series)], axis=0)
        for series in (first, second)
    ]
    np.testing.assert_allclose(powers[0][1:], powers[1][1:], rtol=0.15)
    assert abs(correlation(noise(first), noise(second))) < 0.05


@pytest.mark.parametrize("name", ["birch", "juniper"])
def test_the_same_seed_gives_the_same_bytes(name) -> None:
    specimen = bodies(FORMATIONS[name].pixel_size_A, 1)
    first, second = (image(name, specimen, seed=5) for _ in range(2))
    assert first.series.images.tobytes() == second.series.images.tobytes()
    assert first.signal.tobytes() == second.signal.tobytes()


def test_nothing_gives_no_signal_and_images_all_the_same() -> None:
    for name, formation in FORMATIONS.items():
        found = image(name, bodies(formation.pixel_size_A, 1, strength=0.0), seed=3)
        assert np.abs(found.signal).max() < 1e-3 * found.series.images.std()
        assert found.series.images.std() > 0


def test_signal_is_weaker_after_more_exposure() -> None:
    """Birch goes up from 0 first: at -3 degrees most of the dose is spent, at +3 hardly any."""
    formation = FORMATIONS["birch"]
    found = image("birch", bodies(formation.pixel_size_A, 4), seed=1)
    rings = equal_rings((SIZE, SIZE), 6, with_mean=False)
    middle = len(formation.angles_deg) // 2
    late, early = (
        rings.mean(np.abs(np.fft.rfft2(found.signal[tilt])) ** 2)[1:4]
        for tilt in (middle - 1, middle + 1)
    )
    assert (late / early < 0.8).all()
    assert late[2] / early[2] < late[0] / early[0]  # more so for finer details


def test_voltage_gives_wavelength_and_phase() -> None:
    """Values of the relativistic formulas, to the digits usual in tables."""
    for voltage_kV, wavelength_A, phase in (
        (200.0, 0.025079, 7.288e-4),
        (300.0, 0.019687, 6.526e-4),
    ):
        assert math.isclose(plane.wavelength_A(voltage_kV), wavelength_A, rel_tol=1e-4)
        assert math.isclose(plane.phase_per_V_A(voltage_kV), phase, rel_tol=2e-4)


def test_moving_moves_and_orders_are_orders() -> None:
    point = np.zeros((16, 16), np.float32)
    point[8, 11] = 1
    assert np.unravel_index(plane.moved(point, (2, -3)).argmax(), point.shape) == (5, 13)
    turned = plane.moved(point, (0, 0), 90.0)
    assert np.unravel_index(turned.argmax(), point.shape) in ((11, 8), (5, 8))
    angles = np.arange(-9.0, 9.1, 3.0)
    assert angles[np.argsort(plane.nearest_zero_first(angles))].tolist() == [0, 3, -3, -6, 6, 9, -9]
    assert angles[np.argsort(plane.one_side_first(angles))].tolist() == [0, 3, 6, 9, -3, -6, -9]


def test_a_wrong_name_or_voxel_is_refused() -> None:
    with pytest.raises(InputError, match="expected one of alder"):
        image("titan", bodies(10.0, 1), seed=0)
    with pytest.raises(InputError, match="voxels of 10 Å, found 9 Å"):
        image("alder", bodies(9.0, 1), seed=0)


def test_no_module_knows_what_it_is_to_judge() -> None:
    allowed = ("data", "errors", "foreign", "projection", "seeds")
    for path in Path(faket.foreign.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                assert parts[0] != "faket" or parts[1:2] == [] or parts[1] in allowed, path
