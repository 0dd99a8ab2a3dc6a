"""Measure how like another program's tomograms ours become (`reconstruction.like`).

    python scripts/measure_like.py [--microscope alder] [--size 192] [--out table.md]

A foreign microscope (`faket.foreign`) images two specimens. Programs written here, without any of
faket's code, reconstruct both: back-projection with linear interpolation and other filters, SIRT,
and what is done to tomograms afterwards. From their tomogram of the first specimen ours are to
become like theirs of the second: with the first tilt-series at hand ("stack"), or by amplitudes
alone ("alone"). Signal and noise are reconstructed apart, which linear programs allow; a row holds

before, after    mean and greatest deviation of the power of signal and of noise from theirs, over
                 shells of equal width from the third on, of ours as it is (with the grey values of
                 theirs, by one factor) and with the filter measured;
correlation      of our tomogram of the second specimen with theirs, before and after.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import fft, ndimage, sparse

import faket.foreign
from faket.data import AnyArray, TiltSeries, Volume
from faket.foreign import FORMATIONS
from faket.reconstruction import MeasuredFilter, reconstruct
from faket.references.reconstructed import filter_of_series, filter_of_spectra
from faket.rings import equal_rings, hann
from faket.seeds import derive
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

SEED = 20261201
SHELLS = 24
FIRST = 2  # shells below are left out, as of rings
HEARD = 1e-3  # of the greatest power of a shell: where theirs leaves less, nothing is compared
Program = Callable[[AnyArray, AnyArray, int], AnyArray]


def rows_filtered(images: AnyArray, response: Callable[[AnyArray], AnyArray]) -> AnyArray:
    """Return images [tilt, y, x] with rows multiplied by a response, padded with zeros."""
    width = images.shape[2]
    size = fft.next_fast_len(2 * width, real=True)
    spectrum = fft.rfft(images - images.mean(axis=(1, 2), keepdims=True), size, axis=2)
    return fft.irfft(spectrum * response(fft.rfftfreq(size)), size, axis=2)[:, :, :width]


def smeared(images: AnyArray, angles_deg: AnyArray, depth: int) -> AnyArray:
    """Return the sum of images along their beams, linearly interpolated, [z, y, x]."""
    _, height, width = images.shape
    volume = np.zeros((depth, height, width), np.float32)
    x, z = np.arange(width) - width // 2, np.arange(depth) - depth // 2
    for image, angle in zip(images, np.radians(angles_deg), strict=True):
        for layer, height_z in zip(volume, z, strict=True):
            place = x * math.cos(angle) + height_z * math.sin(angle) + width // 2
            left = np.clip(np.floor(place).astype(int), 0, width - 2)
            part = np.clip(place - left, 0, 1)
            seen = (place >= 0) & (place <= width - 1)
            layer += seen * ((1 - part) * image[:, left] + part * image[:, left + 1])
    return volume


def hann_filtered(images: AnyArray, angles_deg: AnyArray, depth: int) -> AnyArray:
    """Ramp times Hann; bright protein on a pedestal, z reversed."""
    rows = rows_filtered(images, lambda f: f * np.cos(np.pi * f) ** 2)
    return 100 - 3 * smeared(rows, angles_deg, depth)[::-1]


def shepp_logan(images: AnyArray, angles_deg: AnyArray, depth: int) -> AnyArray:
    """Shepp and Logan's filter, then a Gaussian over the volume, and a thinner slab."""
    rows = rows_filtered(images, lambda f: f * np.sinc(f))
    volume = ndimage.gaussian_filter(smeared(rows, angles_deg, depth), 0.7)
    return volume[depth // 8 : -(depth // 8)]


def exact_weights(images: AnyArray, angles_deg: AnyArray, depth: int) -> AnyArray:
    """A ramp that ends where tilts no longer overlap, with outer tilts weighted down."""
    step = np.radians(np.diff(np.sort(angles_deg)).mean())
    rows = rows_filtered(images, lambda f: np.minimum(f, 1 / (depth * step)))
    weights = np.cos(np.radians(angles_deg))[:, None, None]
    return smeared(rows * weights, angles_deg, depth)


def flipped(images: AnyArray, angles_deg: AnyArray, depth: int) -> AnyArray:
    """Ramp, and a change of sign between two radii of every image."""
    ky, kx = fft.fftfreq(images.shape[1])[:, None], fft.rfftfreq(images.shape[2])
    radius = np.hypot(ky, kx)
    sign = np.where((radius > 0.16) & (radius < 0.27), -1, 1)
    signed = fft.irfft2(fft.rfft2(images) * sign, images.shape[1:])
    return smeared(rows_filtered(signed, lambda f: f), angles_deg, depth)


def simultaneous(images: AnyArray, angles_deg: AnyArray, depth: int, steps: int = 8) -> AnyArray:
    """SIRT of all slices at once, with a sparse matrix of linear interpolation."""
    _, height, width = images.shape
    matrix = sparse.vstack([_rays(angle, width, depth) for angle in np.radians(angles_deg)]).tocsr()
    # [tilt, y, x] → [ray, y]
    measured = (images - images.mean(axis=(1, 2), keepdims=True)).transpose(0, 2, 1)
    measured = np.ascontiguousarray(measured.reshape(-1, height), np.float32)
    per_ray = 1 / np.maximum(matrix.sum(axis=1).A1, 0.5)[:, None].astype(np.float32)
    per_voxel = 1 / np.maximum(matrix.sum(axis=0).A1, 0.5)[:, None].astype(np.float32)
    transposed, found = matrix.T.tocsr(), np.zeros((depth * width, height), np.float32)
    for _ in range(steps):
        found += per_voxel * (transposed @ (per_ray * (measured - matrix @ found)))
    # [voxel, y] → [z, y, x]
    return found.reshape(depth, width, height).transpose(0, 2, 1)


def _rays(angle: float, width: int, depth: int) -> sparse.coo_matrix:
    z, x = np.mgrid[:depth, :width]
    place = (x - width // 2) * math.cos(angle) + (z - depth // 2) * math.sin(angle) + width // 2
    left = np.floor(place).astype(int)
    part, voxel = (place - left).ravel(), np.arange(depth * width)
    parts = [(left.ravel(), 1 - part), (left.ravel() + 1, part)]
    rays, weights = (np.concatenate([entry[i] for entry in parts]) for i in (0, 1))
    inside = (rays >= 0) & (rays < width)
    voxels = np.concatenate([voxel, voxel])
    values = (weights[inside].astype(np.float32), (rays[inside], voxels[inside]))
    return sparse.coo_matrix(values, shape=(width, depth * width))


PROGRAMS: dict[str, Program] = {
    "Hann, -z, inverted": hann_filtered,
    "Shepp-Logan, Gaussian, cut": shepp_logan,
    "overlap, cos θ": exact_weights,
    "phases flipped": flipped,
    "SIRT, 8 steps": simultaneous,
}


def taken(name: str, size: int, which: str) -> tuple[TiltSeries, AnyArray]:
    """Return a foreign microscope's series of a specimen, and its signal."""
    formation = FORMATIONS[name]
    pixel_A, depth_A = formation.pixel_size_A, formation.thickness_A
    count = max(4, round(2.5e-8 * (size * pixel_A) ** 2 * depth_A))
    widest_A = min(depth_A, size * pixel_A)
    config = SpecimenConfig(
        size_voxels=(size, size, round(depth_A / pixel_A)), voxel_size_A=pixel_A,
        particles=(count, count), vesicles=(1, 1),
        vesicle_semi_axes_A=(0.25 * widest_A, 0.38 * widest_A), gold=(1, 1),
    )  # fmt: skip
    species = tuple(synthetic_species(n, voxel_size_A=pixel_A) for n in SYNTHETIC_SPECIES)
    seed = derive(SEED, name, which)
    specimen = build_specimen(config, species, seed=seed)
    images = faket.foreign.image(name, specimen, seed=derive(seed, "noise"))
    series = TiltSeries(np.asarray(images.series.images, np.float32), images.series.geometry)
    return series, np.asarray(images.signal, np.float32)


def shell_power(volume: AnyArray) -> AnyArray:
    """Return the power of a volume in shells of equal width."""
    window = hann(volume.shape)
    values = (volume - np.vdot(window, volume) / window.sum()) * window
    return equal_rings(volume.shape, SHELLS).mean(np.abs(fft.rfftn(values)) ** 2)


def deviations(made: AnyArray, theirs: AnyArray, *, scaled: bool) -> tuple[float, float]:
    """Return the mean and the greatest deviation of power, over the shells that theirs has."""
    one, two = shell_power(made)[FIRST:], shell_power(theirs)[FIRST:]
    ratio = (one / two)[two > HEARD * two.max()]
    if scaled:
        ratio = ratio / np.exp(np.log(ratio).mean())
    return float(np.abs(ratio - 1).mean()), float(np.abs(ratio - 1).max())


def row(
    program: Program, series: TiltSeries, parts: dict[str, AnyArray], found: MeasuredFilter
) -> list[str]:
    """Return the measures of one filter on the second specimen."""
    angles, depth = series.geometry.angles_deg, parts["depth"]
    cells = []
    tomograms: dict[str, list[AnyArray]] = {}
    for name in ("signal", "noise", "all"):
        part = TiltSeries(parts[name], series.geometry)
        theirs = program(part.images, angles, depth)
        theirs = theirs[:: found.flips[0], :: found.flips[1], :: found.flips[2]]
        cut = (depth - len(theirs)) // 2
        both = [reconstruct(part, depth=depth, taper=8, measured=m).data for m in (None, found)]
        inside = [volume[cut : cut + len(theirs)] for volume in both]
        tomograms[name] = [theirs, *inside]
    for name in ("signal", "noise"):
        theirs, before, after = tomograms[name]
        for made, scaled in ((before, True), (after, False)):
            mean, most = deviations(made, theirs, scaled=scaled)
            cells.append(f"{100 * mean:.0f} ({100 * most:.0f})")
    theirs, before, after = tomograms["all"]
    middle = tuple(slice(size // 8, size - size // 8) for size in theirs.shape)
    for made in (before, after):
        cells.append(f"{np.corrcoef(made[middle].ravel(), theirs[middle].ravel())[0, 1]:.3f}")
    return cells


def main() -> None:
    """Print the table of all programs, each measured in both ways."""
    parser = argparse.ArgumentParser(description="how like another program's tomograms ours become")
    parser.add_argument("--microscope", default="alder", choices=sorted(FORMATIONS))
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    (first, _), (second, signal) = (
        taken(options.microscope, options.size, which) for which in ("first", "second")
    )
    formation = FORMATIONS[options.microscope]
    depth = round(formation.thickness_A / formation.pixel_size_A)
    noise = second.images - signal
    parts = {"signal": signal, "noise": noise, "all": second.images, "depth": depth}
    head = ["program", "measured on", "signal before", "after", "noise before", "after",
            "correlation before", "after", "coherence", "s"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    plain = reconstruct(second, depth=depth, taper=8)
    for name, program in PROGRAMS.items():
        angles = first.geometry.angles_deg
        theirs = Volume(program(first.images, angles, depth), formation.pixel_size_A)
        for kind in ("stack", "alone"):
            start = time.perf_counter()
            if kind == "stack":
                found = filter_of_series(theirs, first, taper=8)
            else:
                found = filter_of_spectra(theirs, plain)
            seconds = time.perf_counter() - start
            if found is None:
                lines.append(f"| {name} | {kind} | not found |")
                continue
            cells = [
                *row(program, second, parts, found),
                f"{found.coherence:.2f}",
                f"{seconds:.1f}",
            ]
            lines.append("| " + " | ".join([name, kind, *cells]) + " |")
            print(lines[-1], flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
