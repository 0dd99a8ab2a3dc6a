"""Compare what a tomogram alone gives as a reference with the tilt-series behind it.

    python scripts/measure_tomogram_reference.py [--size 256] [--only power|methods|denoised]
        [--seed N ...] [--range-deg 60] [--step-deg 3] [--thickness-A 1500] [--plain]

Two tilt-series are simulated: by the microscope of faket, and by scipy alone (balls in a slab,
rotated with splines, coloured noise). Each is reconstructed in many ways, by faket and by a
back-projection of this script's own (linear interpolation). `tomogram_series` sees nothing but the
tomogram. Tables:

1. Power per ring over that of the aligned stack, all tilts together, scaled to 1 in the middle:
   least and greatest from the third ring to 0.45 cycles per pixel, and the mean of bands. There are
   96 rings to Nyquist, or fewer, so that none is narrower than a Fourier pixel.
2. The same for images that the `spectral` method makes of the specimen's own projections, mirrored:
   with the tomogram as the reference over with the stack (neither counted, the dose known), and
   over the stack itself, which is the truth. With several seeds the last lines are of their mean.
3. Verdicts on plain, low-passed and denoised tomograms.

With --plain only the first series of the first table is measured.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from own_reconstructions import filtered, imod_radial, own_back_projection, sirt, sirt_like
from scipy import fft, ndimage, signal
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from faket.data import AnyArray, DoubleArray, TiltGeometry, TiltSeries
from faket.methods.look_like import look_like
from faket.microscope import PRESETS, draw_acquisition, expose
from faket.noise import ring_power
from faket.projection import noise_free_projections
from faket.reconstruction import find_wedge, fourier_crop, judge_noise, reconstruct, tomogram_series
from faket.rings import ring_frequencies
from faket.seeds import derive, generator
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

ANGLES = np.arange(-60.0, 61.0, 3.0)
PIXEL_A, THICK_A, SEED, RINGS = 10.0, 1500.0, 20261123, 96
BANDS = (0.02, 0.04, 0.08, 0.16, 0.32, 0.45)  # cycles per pixel
SCALED_BY = (0.16, 0.42)  # where the median ratio is 1
GRAINS_PER_NM3 = 2.5e-5


def microscope_series(size: int, pixel_A: float = PIXEL_A) -> tuple[AnyArray, TiltSeries]:
    """Return the images of a slab that is wider than they are, and noise-free projections."""
    size = round(size * PIXEL_A / pixel_A)
    depth = round(THICK_A / pixel_A)
    wide = 2 * size + 2 * depth
    number = round(GRAINS_PER_NM3 * 1e-3 * size * wide * depth * pixel_A**3)
    config = SpecimenConfig(
        size_voxels=(wide, size, depth), voxel_size_A=pixel_A, particles=(number, number),
        vesicles=(4, 4), vesicle_semi_axes_A=(300, 500), gold=(12, 12),
    )  # fmt: skip
    species = [synthetic_species(name, voxel_size_A=pixel_A) for name in SYNTHETIC_SPECIES]
    specimen = build_specimen(config, species, seed=derive(SEED, "specimen"))
    aligned = {"shift_A": (0.0, 0.0), "alignment_error_A": (0.0, 0.0)}
    microscope = replace(
        PRESETS["k3-60x3"], defocus_um=(3.0, 3.0), dose_e_per_A2=(110.0, 110.0), **aligned
    )
    record = draw_acquisition(microscope, TiltGeometry(ANGLES, pixel_A), seed=SEED)
    middle = slice(wide // 2 - size // 2, wide // 2 - size // 2 + size)
    images = expose(specimen, record).series.images[:, :, middle]
    noise_free = noise_free_projections(specimen, ANGLES).images[:, :, middle]
    return np.ascontiguousarray(images), TiltSeries(
        np.ascontiguousarray(noise_free), TiltGeometry(ANGLES, pixel_A)
    )


def scipy_series(size: int) -> AnyArray:
    """Return images by scipy alone: Gaussian balls, noise with the colour of a detector."""
    rng = generator(SEED, "scipy")
    depth = round(THICK_A / PIXEL_A)
    volume = np.zeros((depth, size, 2 * size + 2 * depth), np.float32)
    for _ in range(round(3e-5 * volume.size)):
        place = rng.integers(0, volume.shape)
        volume[tuple(place)] -= rng.uniform(0.5, 1.5)
    volume = sum(ndimage.gaussian_filter(volume, s) * s**3 for s in (1.5, 3.0)) * 10
    images = np.empty((len(ANGLES), size, size), np.float32)
    square = np.pad(volume, ((volume.shape[2] // 2 - depth // 2,) * 2, (0, 0), (0, 0)))
    for image, angle in zip(images, ANGLES, strict=True):
        turned = ndimage.rotate(square, angle, (0, 2), reshape=False, order=1)
        start = square.shape[2] // 2 - size // 2
        image[:] = turned.sum(0)[:, start : start + size]
    images *= 0.5 / images.std()
    frequency = np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size))
    for image in images:
        white = fft.rfft2(rng.standard_normal((size, size)))
        image += fft.irfft2(white * (0.3 + 0.7 * np.exp(-3 * frequency)), s=(size, size))
    return images


def tomograms(images: AnyArray, depth: int) -> Iterator[tuple[str, AnyArray]]:
    """Give reconstructions of images that are as large as the stack's."""
    series = TiltSeries(images, TiltGeometry(ANGLES, PIXEL_A))
    for name in ("ramp", "hamming", "shrec"):
        yield f"WBP, {name}", reconstruct(series, depth=depth, filter=name, device="cpu").data  # type: ignore[arg-type]
    yield "own WBP, ramp", own_back_projection(filtered(images, lambda k: k), ANGLES, depth)
    yield (
        "own WBP, IMOD's radial",
        own_back_projection(filtered(images, imod_radial), ANGLES, depth),
    )
    for n in (10, 30):
        yield (
            f"own WBP, SIRT-like {n}",
            own_back_projection(filtered(images, sirt_like(n)), ANGLES, depth),
        )
    for n in (5, 15):
        yield f"SIRT, {n} iterations", sirt(images, ANGLES, depth, n)


def mean_power(images: AnyArray) -> DoubleArray:
    """Return the power per ring, mean of all tilts."""
    rings = min(RINGS, images.shape[1] // 2)
    return np.mean([ring_power(image, rings) for image in images], axis=0)


def ratio(made: DoubleArray, truth: DoubleArray) -> DoubleArray:
    """Return a spectrum over another, 1 in the middle."""
    over, frequency = made / truth, ring_frequencies(len(made))
    inside = (frequency >= SCALED_BY[0]) & (frequency < SCALED_BY[1])
    return np.asarray(over / np.median(over[inside]))


def ends(over: DoubleArray) -> str:
    """Return the least and the greatest ratio, and up to where it is off by more than 15 %."""
    frequency = ring_frequencies(len(over))
    inner = over[2 : int(np.searchsorted(frequency, 0.45))]
    off = np.flatnonzero(np.abs(inner - 1) > 0.15) + 2
    where = f" ({len(off)} off, to {frequency[off[-1]]:.3f})" if len(off) else ""
    return f"{inner.min():.2f} to {inner.max():.2f}{where}"


def bands(over: DoubleArray) -> str:
    """Return the mean ratio of each band."""
    frequency = ring_frequencies(len(over))
    inside = [(frequency >= low) & (frequency < high) for low, high in pairwise(BANDS)]
    return " | ".join(f"{over[band].mean():.2f}" for band in inside)


def header(*first: str) -> str:
    """Return the head of a table."""
    names = [*first, *(f"{low:.2f}-{high:.2f}" for low, high in pairwise(BANDS))]
    return "\n| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|"


def seen(name: str, volume: AnyArray) -> tuple[str, TiltSeries]:
    """Return a tomogram's name with the verdict on it, and its tilt-series."""
    found = tomogram_series(volume, PIXEL_A, ANGLES, device="cpu")
    verdict = found.noise.verdict
    return name + ("" if verdict == "plain" else f" ({verdict})"), found.series


def measure_power(name: str, images: AnyArray) -> None:
    """Print the first table: one line a reconstruction and crop."""
    depth = round(1.2 * THICK_A / PIXEL_A)
    print(header(f"{name}: power over the stack's", "rings"))
    for kind, volume in tomograms(images, depth):
        for share in (1.0, 0.75, 0.5) if "ramp" in kind else (1.0,):
            cut = round(0.5 * (1 - share) * depth)
            text, found = seen(f"{kind}, {share:.0%} of z", volume[cut : depth - cut])
            over = ratio(mean_power(found.images), mean_power(images))
            print(f"| {text} | {ends(over)} | {bands(over)} |", flush=True)


def measure_methods(images: AnyArray, noise_free: TiltSeries) -> dict[str, list[DoubleArray]]:
    """Print the second table; return for each line both ratios, the first of the stack itself."""
    known = {"defocus_um": 3.0, "dose_e_per_A2": 110.0, "counted": False, "seed": 7}
    stack = TiltSeries(images, TiltGeometry(ANGLES, PIXEL_A))
    flat = TiltSeries(noise_free.images[..., ::-1].copy(), noise_free.geometry)
    truth = mean_power(images)
    made = look_like(flat, stack, method="spectral", **known).images  # type: ignore[arg-type]
    by_stack = mean_power(made)
    found = {"the stack": [ratio(by_stack, by_stack), ratio(by_stack, truth)]}
    depth = round(1.2 * THICK_A / PIXEL_A)
    cut = depth // 4
    for kind, whole in tomograms(images, depth):
        shares = {kind: whole}
        if "ramp" in kind:
            shares[f"{kind}, half of z"] = whole[cut : depth - cut]
        for part, volume in shares.items():
            name, reference = seen(part, volume)
            # Reprojections share noise, as the pipeline knows of every tomogram.
            shared = {**known, "independent": False}
            made = look_like(flat, reference, method="spectral", **shared).images  # type: ignore[arg-type]
            power = mean_power(made)
            found[name] = [ratio(power, by_stack), ratio(power, truth)]
    print_methods(found)
    return found


def print_methods(found: dict[str, list[DoubleArray]]) -> None:
    """Print a table of what the method makes."""
    print(header(f"spectral images, seed {SEED}", "over the stack's", "over the truth"))
    for name, (over, true) in found.items():
        print(f"| {name} | {ends(over)} | {ends(true)} | {bands(over)} |", flush=True)


def diffused(volume: AnyArray) -> AnyArray:
    """Anisotropic diffusion (Perona and Malik)."""
    for _ in range(15):
        steps = [np.roll(volume, sign, axis) - volume for axis in range(3) for sign in (1, -1)]
        volume = volume + 0.14 * sum(step * np.exp(-((step / 1.5) ** 2)) for step in steps)
    return volume


def low_passed(volume: AnyArray) -> AnyArray:
    """Return a volume without frequencies above a third of Nyquist."""
    axes = [fft.fftfreq(n) for n in volume.shape[:2]] + [fft.rfftfreq(volume.shape[2])]
    radius2 = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2
    return fft.irfftn(fft.rfftn(volume) * (radius2 < 1 / 36), s=volume.shape)


CHANGES: dict[str, Callable[[AnyArray], AnyArray]] = {
    "plain": lambda v: v,
    "plain, bytes": lambda v: np.clip(np.round(20 * v + 128), 0, 255).astype(np.uint8),
    "plain, 25 grey values": lambda v: np.round(4 * v).astype(np.int8),
    "Gaussian, σ 1": lambda v: ndimage.gaussian_filter(v, 1.0),
    "to 1/3 Nyquist": low_passed,
    "median of 3": lambda v: ndimage.median_filter(v, 3),
    "median of 5": lambda v: ndimage.median_filter(v, 5),
    "Wiener's, of 5": lambda v: signal.wiener(v, 5),
    "total variation": lambda v: denoise_tv_chambolle(v, weight=0.5),
    "diffusion": diffused,
    "non-local means": lambda v: denoise_nl_means(v, patch_size=3, patch_distance=4, h=0.8),
}


def measure_denoised(images: AnyArray) -> None:
    """Print the third table: verdict, contrast of the wedge, tails."""
    pieces = [
        (kind, volume[58:122, 64:192, 64:192])
        for kind, volume in tomograms(images, round(1.2 * THICK_A / PIXEL_A))
    ]
    print("\n| changed by | " + " | ".join(kind for kind, _ in pieces) + " |")
    print("|---" * (len(pieces) + 1) + "|")
    for name, change in CHANGES.items():
        cells = []
        for _, piece in pieces:
            volume = change((piece - piece.mean()) / piece.std())
            wedge = find_wedge(volume)
            found = judge_noise(volume, wedge)
            cells.append(f"{found.verdict} ({wedge.contrast:.0f}, {found.tails:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    global ANGLES, THICK_A, SEED
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--only", choices=("power", "methods", "denoised"))
    parser.add_argument("--seed", type=int, nargs="+", default=[SEED])
    parser.add_argument("--range-deg", type=float, default=60.0)
    parser.add_argument("--step-deg", type=float, default=3.0)
    parser.add_argument("--thickness-A", type=float, default=THICK_A)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    THICK_A = options.thickness_A
    ANGLES = np.arange(-options.range_deg, options.range_deg + 1e-6, options.step_deg)
    every = []
    for seed in options.seed:
        SEED = seed
        images, noise_free = microscope_series(options.size)
        if options.plain:
            measure_power("microscope", images)
            continue
        if options.only in (None, "power"):
            measure_power("microscope", images)
            measure_power("scipy", scipy_series(options.size))
            fine = fourier_crop(microscope_series(options.size, PIXEL_A / 2)[0], 2, axes=(2, 1))
            measure_power("microscope, binned twice", fine)
        if options.only in (None, "methods"):
            every.append(measure_methods(images, noise_free))
        if options.only in (None, "denoised"):
            measure_denoised(images)
    if len(every) > 1:
        print(f"\nmean of {len(every)} seeds")
        names = [name for name in every[0] if all(name in found for found in every)]
        print_methods({n: np.mean([found[n] for found in every], axis=0) for n in names})  # type: ignore[misc]


if __name__ == "__main__":
    main()
