"""Training images of the ``texture`` network: our own specimens seen by many microscopes.

Every *condition* is one microscope and one tilt: voltage, defocus, dose, pixel size, thickness,
detector, motion, colour of the noise, angle. Two different specimens are imaged under each, so
that what two images of one condition share is style and nothing else.

The ranges have holes, in which the microscopes of the tests and of the model card lie: detector
K3, defocus 2.6-3.4 µm and above 5.5 µm, 1.6-2.2 e/Å² a tilt, pixels other than the listed.
"""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from faket.data import AnyArray, FloatArray, Species, Specimen, TiltGeometry, Volume
from faket.microscope import Microscope, draw_acquisition, expose
from faket.projection import project
from faket.seeds import derive, generator
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

SIZE = 256
DEPTH = 80
SPECIMENS = 2  # of each pixel size
PIXEL_SIZES_A = (4.0, 5.0, 6.0, 8.0, 10.0, 12.0)
DETECTORS = ("K2", "generic", "perfect")
TILTS = 4
_DEFOCUS_UM = ((1.0, 2.6), (3.4, 5.5))
_DOSE_PER_TILT = ((0.7, 1.6), (2.2, 5.0))


@dataclass(frozen=True)
class Condition:
    """One microscope: everything that decides how its images look, beside the specimen."""

    pixel_size_A: float
    defocus_um: float
    dose_per_tilt: float
    depth_voxels: int
    detector: str
    detector_binning: int
    voltage_kV: float
    motion_blur_A: float
    ice: bool
    colour_low_pass: float  # amplitude exp(-b (k / Nyquist)²): interpolated or filtered images
    colour_rise: float  # amplitude (k + k0)^-a: noise that grows towards low frequencies
    angles_deg: tuple[float, ...]


def draw_condition(seed: int, number: int) -> Condition:
    """Draw one microscope from the wide ranges of the training."""
    rng = generator(seed, "condition", number)
    pixel_size_A = PIXEL_SIZES_A[number % len(PIXEL_SIZES_A)]
    thickness_A = rng.uniform(300, 1200)
    return Condition(
        pixel_size_A=pixel_size_A,
        defocus_um=_log_uniform(rng, _DEFOCUS_UM),
        dose_per_tilt=_log_uniform(rng, _DOSE_PER_TILT),
        depth_voxels=int(np.clip(thickness_A / pixel_size_A, 24, DEPTH)),
        detector=str(rng.choice(DETECTORS)),
        detector_binning=int(rng.choice((1, 2, 4))),
        voltage_kV=float(rng.choice((200.0, 300.0))),
        motion_blur_A=float(rng.uniform(0, 6)),
        ice=bool(rng.random() < 0.85),
        colour_low_pass=float(rng.choice((0.0, rng.uniform(0, 1.2)))),
        colour_rise=float(rng.choice((0.0, rng.uniform(0, 0.4)))),
        angles_deg=tuple(float(a) for a in np.sort(rng.uniform(-62, 62, TILTS))),
    )


def training_images(seed: int, count: int, folder: Path) -> list[tuple[Condition, FloatArray]]:
    """Return conditions and their images; what ``folder`` holds already is not made again.

    Returns
    -------
    list of Condition and ndarray, shape (2 specimens, 2, tilt, y, x)
        Of each specimen the images of the microscope and the noiseless projections, every tilt
        with mean 0 and standard deviation 1.
    """
    conditions = [draw_condition(seed, number) for number in range(count)]
    # In the order of pixel sizes, so that few specimens are held at a time.
    for number in sorted(range(count), key=lambda i: conditions[i].pixel_size_A):
        path = folder / f"{seed}-{number}.npy"
        if not path.exists():
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, _images(conditions[number], seed, number))
            unfinished.rename(path)
    return [
        (condition, np.load(folder / f"{seed}-{number}.npy").astype(np.float32))
        for number, condition in enumerate(conditions)
    ]


def expose_condition(condition: Condition, specimen: Specimen, seed: int) -> FloatArray:
    """Return the images [tilt, y, x] of a specimen: the microscope's, with the colour applied."""
    microscope = Microscope(
        voltage_kV=condition.voltage_kV,
        defocus_um=(condition.defocus_um, condition.defocus_um),
        defocus_jitter_um=0.0,
        astigmatism_um=0.05,
        shift_A=(0.0, 0.0),
        detector=condition.detector,  # type: ignore[arg-type]
        detector_pixel_A=condition.pixel_size_A / condition.detector_binning,
        motion_blur_A=condition.motion_blur_A,
        ice=condition.ice,
    )
    n = len(condition.angles_deg)
    geometry = TiltGeometry(
        np.array(condition.angles_deg),
        condition.pixel_size_A,
        dose_e_per_A2=np.full(n, condition.dose_per_tilt),
    )
    record = draw_acquisition(microscope, geometry, seed=seed)
    return coloured(expose(specimen, record, device="cpu").series.images, condition)


def coloured(images: FloatArray, condition: Condition) -> FloatArray:
    """Filter the images as processing or a detector's own noise would."""
    ny, nx = images.shape[1:]
    k = 2 * np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx))
    gain = np.exp(-condition.colour_low_pass * k**2) * (k + 0.02) ** -condition.colour_rise
    return np.asarray(np.fft.irfft2(np.fft.rfft2(images) * gain, s=(ny, nx)), np.float32)


def random_specimen(
    pixel_size_A: float,
    depth_voxels: int,
    seed: int,
    size: int = SIZE,
    crowding: float | None = None,
) -> Specimen:
    """Return a specimen of the embedded species.

    ``crowding`` is the number of molecules in 10 000 nm³, drawn from 0.2 to 2 where it is None.
    """
    rng = generator(seed, "crowd")
    crowding = rng.uniform(0.2, 2) if crowding is None else crowding
    volume_nm3 = (size * pixel_size_A) ** 2 * depth_voxels * pixel_size_A * 1e-3
    molecules = int(volume_nm3 / 1e4 * crowding)
    area_nm2 = (size * pixel_size_A) ** 2 * 1e-2
    gold = int(rng.poisson(area_nm2 / 4e4))
    largest_A = min(600.0, 0.35 * size * pixel_size_A)
    config = SpecimenConfig(
        size_voxels=(size, size, depth_voxels),
        voxel_size_A=pixel_size_A,
        particles=(molecules, molecules),
        vesicles=(0, 1),
        vesicle_semi_axes_A=(0.6 * largest_A, largest_A),
        gold=(gold, gold),
        max_tries=100,
    )
    return build_specimen(config, _library(pixel_size_A), seed=seed)


def cut_depth(specimen: Specimen, depth: int) -> Specimen:
    """Return the middle of a specimen, ``depth`` voxels thick."""
    start = (len(specimen.potential.data) - depth) // 2
    part = slice(start, start + depth)
    potential = Volume(specimen.potential.data[part], specimen.potential.voxel_size_A)
    return replace(
        specimen,
        potential=potential,
        class_mask=specimen.class_mask[part],
        instance_mask=specimen.instance_mask[part],
    )


def standardised(stack: AnyArray) -> FloatArray:
    """Return the stack with every tilt at mean 0 and standard deviation 1."""
    mean, sigma = stack.mean((1, 2), keepdims=True), stack.std((1, 2), keepdims=True)
    return np.asarray((stack - mean) / np.maximum(sigma, 1e-12), np.float32)


def as_numbers(condition: Condition, tilt: int) -> dict[str, float]:
    """Return what a regression of the condition predicts, on scales of about one unit."""
    values = asdict(condition)
    numbers = {
        f"log_{name}": float(np.log(values[name]))
        for name in ("pixel_size_A", "defocus_um", "dose_per_tilt")
    }
    thickness_A = condition.depth_voxels * condition.pixel_size_A
    numbers["log_path"] = float(
        np.log(thickness_A / np.cos(np.radians(condition.angles_deg[tilt])))
    )
    for name in ("colour_low_pass", "colour_rise", "motion_blur_A"):
        numbers[name] = values[name]
    numbers |= {name: float(condition.detector == name) for name in DETECTORS}
    return numbers | {"log_binning": float(np.log(condition.detector_binning))}


def _images(condition: Condition, seed: int, number: int) -> AnyArray:
    rng = generator(seed, "pair", number)
    out = []
    for place in rng.choice(SPECIMENS, 2, replace=False):
        whole = _specimen(seed, condition.pixel_size_A, int(place))
        specimen = cut_depth(whole, condition.depth_voxels)
        images = expose_condition(condition, specimen, derive(seed, "dice", number, int(place)))
        angles = np.array(condition.angles_deg)
        noise_free = -project(specimen.potential.data, angles, device="cpu")
        out.append([standardised(images), standardised(noise_free)])
    return np.array(out, np.float16)


@lru_cache(maxsize=SPECIMENS)
def _specimen(seed: int, pixel_size_A: float, place: int) -> Specimen:
    name = derive(seed, "specimen", int(100 * pixel_size_A), place)
    return random_specimen(pixel_size_A, DEPTH, name)


@lru_cache(maxsize=1)
def _library(pixel_size_A: float) -> list[Species]:
    return [synthetic_species(name, voxel_size_A=pixel_size_A) for name in SYNTHETIC_SPECIES]


def _log_uniform(rng: np.random.Generator, parts: tuple[tuple[float, float], ...]) -> float:
    """Draw from the union of ranges, evenly in the logarithm."""
    lengths = np.array([np.log(high / low) for low, high in parts])
    low, high = parts[int(rng.choice(len(parts), p=lengths / lengths.sum()))]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
