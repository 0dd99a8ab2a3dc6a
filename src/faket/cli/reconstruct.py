"""The command `reconstruct`: from an aligned stack to a tomogram, ours or one like another's."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from faket.cli import messages
from faket.cli.common import (
    Count,
    Flag,
    NotNegative,
    Positive,
    Where,
    print_notices,
    record_manifest,
    refuse_unused,
)
from faket.cli.outputs import OutVolume
from faket.errors import InputError

if TYPE_CHECKING:
    from faket.data import TiltSeries, Volume
    from faket.reconstruction import MeasuredFilter


def reconstruct(
    stack: Path,
    out: OutVolume,
    /,
    *,
    depth: Count,
    angles: Path | None = None,
    binning: Count = 1,
    method: Literal["wbp", "sirt"] = "wbp",
    filter: Literal[
        "ramp", "hamming", "shrec", "imod", "imod-sirt", "aretomo", "warp", "relion"
    ] = "ramp",
    iterations: Count = 20,
    ctf: Literal["none", "flip"] = "none",
    defocus_um: Positive | None = None,
    normalize: Literal["none", "mean", "contrast"] = "mean",
    taper: NotNegative = 16,
    invert: Flag = False,
    like: Path | None = None,
    like_stack: Path | None = None,
    pixel_size_A: Positive | None = None,
    device: Where = "auto",
) -> None:
    """Reconstruct a tomogram, by weighted back-projection or by SIRT.

    Parameters
    ----------
    stack
        Aligned tilt-series (MRC stack) with the tilt axis along y.
    out
        MRC volume to write.
    depth
        Number of slices along z, in binned voxels.
    angles
        .tlt file of tilt angles, or the .csv of `faket acquire`, whose shifts are then corrected.
        [default: the .tlt file beside the stack]
    binning
        Factor by which the images are binned before the reconstruction (by cropping their Fourier
        transforms).
    method
        wbp: weighted back-projection. sirt: iterations that approach the images, low frequencies
        first.
    filter
        Of wbp, weighting in Fourier space: ramp, hamming (ramp with a Hamming window), shrec (that
        of FakET's reconstructions), imod (RADIAL 0.35 0.035), imod-sirt (its SIRT-like filter),
        aretomo (its -Wbp 1), warp, or relion (its Wiener filter, not its Fourier inversion).
    iterations
        Of method sirt, and of the SIRT that filter imod-sirt resembles.
    ctf
        flip: signs of the contrast transfer are corrected first, in strips parallel to the tilt
        axis with the defocus of their height.
    defocus_um
        With --ctf flip: mean defocus in µm, if known. Otherwise it is estimated.
    normalize
        What is done to each image first. none: nothing. mean: its mean is subtracted. contrast:
        its mean is subtracted, and the image is divided by it.
    taper
        Width of the border in which the images fade to zero, in binned pixels.
    invert
        Multiply the tomogram by -1, so that protein is bright, as Warp writes it.
    like
        Tomogram (MRC) of another program with the same voxels: its filter and grey values are
        measured and given to this tomogram.
    like_stack
        Aligned stack, with its .tlt, of which that tomogram was made. [default: STACK; if it shows
        something else, mean amplitudes are compared]
    pixel_size_A
        Pixel size of the stacks in Å, instead of the ones in their headers.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.io.mrc import write_volume
    from faket.io.tilts import read_tilt_series, tilt_angles_beside
    from faket.reconstruction import reconstruct as reconstruct_series

    if ctf == "none":
        refuse_unused("without --ctf flip", defocus_um=defocus_um)
    if like is None:
        refuse_unused("without --like", like_stack=like_stack)
    elif method != "wbp" or invert:
        raise InputError("`like`: expected neither `method` sirt nor `invert` beside it, as both "
                         "are measured; leave them out")  # fmt: skip
    tlt = angles or tilt_angles_beside(stack)
    series = read_tilt_series(stack, tlt, pixel_size_A=pixel_size_A)
    settings: dict[str, Any] = {
        "binning": binning,
        "method": method,
        "filter": filter,
        "iterations": iterations,
        "normalize": normalize,
        "taper": taper,
    }
    record = None
    if ctf == "flip":
        series, record = _corrected(stack, series, defocus_um)
    measured = None
    if like is not None:
        own = series
        if like_stack is not None:
            beside = tilt_angles_beside(like_stack)
            own = read_tilt_series(like_stack, beside, pixel_size_A=pixel_size_A)
        measured = _measured(like, own, series, depth, {**settings, "device": device})
        record = {**(record or {}), "source": measured.source, "coherence": measured.coherence}
    volume = reconstruct_series(series, depth=depth, measured=measured, device=device, **settings)
    if invert:
        volume.data[:] *= -1
    write_volume(out, volume)
    kept = {"depth": depth, **settings, "ctf": ctf, "defocus_um": defocus_um, "invert": invert}
    record_manifest(out, "reconstruct", kept, [stack, tlt, like, like_stack], record)


def _corrected(
    stack: Path, series: "TiltSeries", defocus_um: float | None
) -> "tuple[TiltSeries, dict[str, Any]]":
    """Flip the phases of a stack, whose defocus is given or estimated."""
    from faket.data import TiltSeries
    from faket.methods.known import best_ctf
    from faket.methods.notices import defocus_doubt
    from faket.methods.phase_flipping import flip_phases
    from faket.reconstruction import align

    geometry = series.geometry.aligned()
    aligned = TiltSeries(align(series.images, series.geometry), geometry)
    ctf = best_ctf(aligned, defocus_um)
    mean_um = float(ctf.defocus_um.mean())
    if not ctf.confident:
        low, high = ctf.interval_um
        print_notices(stack, f"defocus estimated as {mean_um:.2f} µm, which is uncertain (its "
                      f"images allow {low:.2f} to {high:.2f} µm); give --defocus-um")  # fmt: skip
    if doubt := defocus_doubt(ctf):
        print_notices(
            stack, f"{doubt}; check --defocus-um, the file that gives it, and the voltage"
        )
    optics = [ctf.optics(tilt) for tilt in range(len(aligned.images))]
    flipped = flip_phases(aligned, optics, amplitude_contrast=ctf.amplitude_contrast)
    return flipped, {"defocus_um": ctf.defocus_um.tolist(), "defocus_source": ctf.source}


def _measured(
    like: Path, own: "TiltSeries", series: "TiltSeries", depth: int, settings: dict[str, Any]
) -> "MeasuredFilter":
    """Measure what a program did, on its own tilt-series or on mean amplitudes."""
    from faket.reconstruction import reconstruct as reconstruct_series
    from faket.references.reconstructed import (
        check_voxels,
        filter_of_series,
        filter_of_spectra,
        filter_words,
        open_tomogram,
    )

    theirs = open_tomogram(like)
    check_voxels(like, theirs, series.geometry.pixel_size_A, settings["binning"])
    found = filter_of_series(theirs, own, **settings)
    if found is None:
        ours: Volume = reconstruct_series(series, depth=depth, **settings)
        found = filter_of_spectra(theirs, ours)
    messages.notice(f"{like}: {filter_words(found)}")
    return found
