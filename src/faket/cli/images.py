"""The commands `noise` and `reconstruct`: from noise-free projections to a tomogram."""

from pathlib import Path
from typing import Literal

from faket.cli import messages
from faket.cli.common import (
    Flag,
    Positive,
    Seed,
    Where,
    record_manifest,
    refuse_unused,
)
from faket.cli.outputs import OutStack
from faket.cli.references import given_reference, opened_reference, ready_images
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
    reference_aligned: bool | None = None,
    reference_series: str | None = None,
    reference_tomogram: Flag = False,
    defocus_um: Positive | None = None,
    dose_e_per_A2: Positive | None = None,
    invert_reference: Flag = False,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Give noise-free projections the noise of a reference.

    Parameters
    ----------
    clean
        Noise-free projections (MRC stack, protein dark; tilt angles beside it as .tlt).
    reference
        Tilt-series to look like: a stack (MRC), the folder of a run, or any of its files (see
        `faket inspect`). A raw stack is aligned as its files tell; smaller pixels than those of
        the projections are resampled to theirs.
    out
        MRC stack to write.
    method
        spectral: contrast transfer, signal strength and noise, each measured on the reference
        frequency by frequency. coloured: noise with the reference's radial power spectrum.
        noisy: white noise whose strength changes with the tilt as the reference's does (FakET's
        paper). baseline: white noise of one strength at all tilts (FakET's paper).
        spectral-content and content: as spectral and noisy, but with a quarter of the noise; the
        content input of `faket style`.
    reference_clean
        Noise-free projections of the reference's own specimen, if there are any. Without them,
        noise and signal are estimated from the reference alone.
    clean_angles
        .tlt file of the noise-free projections, if it is not beside them.
    reference_angles
        File of the reference's tilt angles, if it is not beside it.
    reference_aligned
        Whether the reference is aligned already, if its files tell it wrongly.
    reference_series
        Which tilt-series, if the reference's folder or file holds several.
    reference_tomogram
        Take the reference for a tomogram, whatever its name is.
    defocus_um
        Method spectral: mean defocus of the reference in µm, if known. Otherwise it is estimated.
    dose_e_per_A2
        Method spectral: total exposure of the reference in e/Å², if known. Otherwise it is assumed.
    invert_reference
        Multiply the reference by -1; needed if protein is bright in it.
    pixel_size_A
        Pixel size of all stacks in Å, instead of the ones in their headers.
    seed
        Seed of the noise.
    device
        Processor of the images: auto takes a CUDA GPU if there is one. The reference is measured on
        the CPU.
    """
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
    from faket.methods.look_like import noise_like
    from faket.methods.notices import coverage_notice

    if not method.startswith("spectral"):
        refuse_unused(f"with method {method}", defocus_um=defocus_um, dose_e_per_A2=dose_e_per_A2)
    tlt = clean_angles or tilt_angles_beside(clean, option="clean_angles")
    series = read_tilt_series(clean, tlt, pixel_size_A=pixel_size_A)
    given = given_reference(
        reference_angles, pixel_size_A, invert_reference, reference_aligned, reference_series,
        reference_tomogram,
    )  # fmt: skip
    opened = opened_reference(reference, given)
    inputs = [clean, *opened.files, reference_clean]
    wanted_A, known = series.geometry.pixel_size_A, None
    if reference_clean is not None:
        known, _ = read_stack(reference_clean, pixel_size_A=pixel_size_A)
    prepared = ready_images(reference, opened, wanted_A, known)
    target = prepared.series
    kept = {"defocus_um": defocus_um, "dose_e_per_A2": dose_e_per_A2}
    notices = coverage_notice(target.geometry.angles_deg, series.geometry.angles_deg)
    images, record = noise_like(
        method,
        series,
        target,
        prepared.noise_free,
        seed,
        **kept,
        counted=prepared.counted,
        independent=not opened.is_tomogram,
        halves=prepared.halves,
        device=device,
        say=notices.append,
    )
    for notice in notices:
        messages.notice(in_words_of(noise, notice))
    if prepared.left_out:
        record["left_out"] = prepared.left_out
    write_tilt_series(out, TiltSeries(images, series.geometry))
    settings = {"method": method, "seed": seed, **kept}
    record_manifest(out, "noise", settings, inputs, record, [out.with_suffix(ANGLES)])
