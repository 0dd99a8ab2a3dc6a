"""Stages from images to a tomogram: noise, reconstruct; files to files."""

import sys
from pathlib import Path
from typing import Literal

from faket.cli.common import (
    Count,
    Flag,
    NotNegative,
    Positive,
    Seed,
    Where,
    check_sign,
    record_manifest,
    refuse_unused,
    tell,
)
from faket.cli.outputs import OutStack, OutVolume
from faket.cli.wording import in_words_of
from faket.io.model_folder import ANGLES


def noise(
    clean: Path,
    reference: Path,
    out: OutStack,
    /,
    *,
    method: Literal[
        "spectral", "spectral-content", "coloured", "noisy", "baseline", "content"
    ] = "spectral",
    reference_clean: Path | None = None,
    clean_angles: Path | None = None,
    reference_angles: Path | None = None,
    defocus_um: Positive | None = None,
    dose_e_per_A2: Positive | None = None,
    invert_reference: Flag = False,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
) -> None:
    """Make noise-free projections as noisy as a reference.

    Parameters
    ----------
    clean
        MRC stack without noise, protein dark; its .tlt beside it.
    reference
        MRC stack to look like; its .tlt beside it. Finer pixels are binned by a whole number.
    out
        MRC stack to write.
    method
        spectral: the reference's contrast transfer, strength of signal, and noise, ring by ring.
        coloured: noise of the reference's radial spectrum. noisy: white noise that follows the
        tilt, as in the paper. baseline: the same at all tilts. spectral-content and content:
        spectral and noisy with a quarter of the noise, for style transfer to keep.
    reference_clean
        Noise-free projections of the reference's own specimen; without them, noise and signal are
        estimated from the reference alone.
    clean_angles
        .tlt of the clean stack, if it is elsewhere.
    reference_angles
        .tlt of the reference, if it is elsewhere.
    defocus_um
        spectral: mean defocus of the reference, if known, µm; else estimated from it.
    dose_e_per_A2
        spectral: exposure of the whole reference, if known, e/Å².
    invert_reference
        Multiply the reference by -1: for stacks in which protein is bright.
    pixel_size_A
        Pixel size of all stacks in Å, instead of that in their headers.
    seed
        Seed of the noise field.
    """
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
    from faket.methods.look_like import noise_like
    from faket.methods.notices import coverage_notice
    from faket.methods.usable import usable_reference
    from faket.pipeline.reference import at_pixel_size

    if not method.startswith("spectral"):
        refuse_unused(f"with method {method}", defocus_um=defocus_um, dose_e_per_A2=dose_e_per_A2)
    inputs = [clean, reference, reference_clean]
    tlt = clean_angles or tilt_angles_beside(clean, option="clean_angles")
    reference_tlt = reference_angles or tilt_angles_beside(reference, option="reference_angles")
    series = read_tilt_series(clean, tlt, pixel_size_A=pixel_size_A)
    target = read_tilt_series(reference, reference_tlt, pixel_size_A=pixel_size_A)
    wanted_A, twin = series.geometry.pixel_size_A, None
    if reference_clean is not None:
        twin, _ = read_stack(reference_clean, pixel_size_A=pixel_size_A)
    usable = usable_reference(target, twin, invert=invert_reference, where=str(reference))
    tell(reference, usable.notice)
    target, twin, binned = at_pixel_size(usable.series, usable.noise_free, wanted_A, reference)
    beyond = coverage_notice(target.geometry.angles_deg, series.geometry.angles_deg)
    if not invert_reference:
        check_sign(reference, target.images)
    kept = {"defocus_um": defocus_um, "dose_e_per_A2": dose_e_per_A2}
    notices = [*binned, *beyond]
    images, record = noise_like(
        method, series, target, twin, seed, **kept, counted=not usable.scaled, say=notices.append
    )
    for notice in notices:
        print(in_words_of(noise, notice), file=sys.stderr)
    if usable.left_out:
        record["left_out"] = usable.left_out
    write_tilt_series(out, TiltSeries(images, series.geometry))
    settings = {"method": method, "seed": seed, **kept}
    record_manifest(out, "noise", settings, inputs, record, [out.with_suffix(ANGLES)])


def reconstruct(
    stack: Path,
    out: OutVolume,
    /,
    *,
    depth: Count,
    angles: Path | None = None,
    binning: Count = 1,
    filter: Literal["ramp", "hamming", "shrec"] = "ramp",
    normalize: Literal["none", "mean", "contrast"] = "mean",
    taper: NotNegative = 16,
    pixel_size_A: Positive | None = None,
    device: Where = "auto",
) -> None:
    """Reconstruct a tomogram by weighted back-projection.

    Parameters
    ----------
    stack
        MRC tilt-series, aligned, tilt axis along y.
    out
        MRC volume to write.
    depth
        Slices of the tomogram, in binned voxels.
    angles
        .tlt file; or the .csv of `faket acquire`, whose shifts are then undone. By default the .tlt
        beside the stack.
    binning
        Bin the images first, by cropping their spectra.
    filter
        ramp, hamming (ramp with a Hamming window), or shrec (that of FakET's reconstructions).
    normalize
        Of each image: none; mean: its mean is subtracted; contrast: and it is divided by its mean.
    taper
        Binned pixels over which the edges of the images fade out.
    pixel_size_A
        Pixel size of the stack in Å, instead of that in its header.
    device
        Where to compute.
    """
    from faket.io.mrc import write_volume
    from faket.io.tilts import read_tilt_series, tilt_angles_beside
    from faket.reconstruction import reconstruct as reconstruct_series

    tlt = angles or tilt_angles_beside(stack)
    series = read_tilt_series(stack, tlt, pixel_size_A=pixel_size_A)
    volume = reconstruct_series(
        series,
        depth=depth,
        binning=binning,
        filter=filter,
        normalize=normalize,
        taper=taper,
        device=device,
    )
    write_volume(out, volume)
    settings = {
        "depth": depth,
        "binning": binning,
        "filter": filter,
        "normalize": normalize,
        "taper": taper,
    }
    record_manifest(out, "reconstruct", settings, [stack, tlt])
