"""Stages from images to a tomogram: noise, style, reconstruct; files to files."""

from pathlib import Path
from typing import Literal

from faket.cli.common import (
    Count,
    NotNegative,
    Positive,
    Seed,
    Where,
    check_output,
    check_pixels,
    record_manifest,
    ticker,
)


def noise(
    clean: Path,
    reference: Path,
    out: Path,
    /,
    *,
    method: Literal["noisy", "baseline", "content"] = "noisy",
    reference_clean: Path | None = None,
    clean_angles: Path | None = None,
    reference_angles: Path | None = None,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
) -> None:
    """Add the reference's noise to noiseless projections.

    Parameters
    ----------
    clean
        MRC stack without noise, protein dark; its .tlt beside it.
    reference
        MRC stack to look like; its .tlt beside it.
    out
        MRC stack to write.
    method
        noisy: noise follows the tilt. baseline: it does not. content: a quarter of noisy.
    reference_clean
        Noiseless twin of the reference; without one the noise is estimated blind.
    clean_angles
        .tlt of the clean stack, if it is elsewhere.
    reference_angles
        .tlt of the reference, if it is elsewhere.
    pixel_size_A
        Of all stacks, instead of what the header says, Å.
    seed
        Seed of the noise field.
    """
    import faket.noise as recipes
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series

    inputs = [clean, reference, reference_clean]
    check_output(out, inputs)
    tlt = clean_angles or tilt_angles_beside(clean)
    reference_tlt = reference_angles or tilt_angles_beside(reference)
    series = read_tilt_series(clean, tlt, pixel_size_A=pixel_size_A)
    target = read_tilt_series(reference, reference_tlt, pixel_size_A=pixel_size_A)
    check_pixels(clean, series.geometry.pixel_size_A, reference, target.geometry.pixel_size_A)
    twin = None
    if reference_clean is not None:
        twin, _ = read_stack(reference_clean, pixel_size_A=pixel_size_A)
    profile = recipes.estimate_noise(target.images, twin, angles_deg=target.geometry.angles_deg)
    make = {"noisy": recipes.noisy, "baseline": recipes.baseline, "content": recipes.content}
    angles_deg = series.geometry.angles_deg
    images = make[method](series.images, profile, seed=seed, angles_deg=angles_deg)
    write_tilt_series(out, TiltSeries(images, series.geometry))
    record_manifest(out, "noise", {"method": method, "seed": seed}, inputs, profile.to_dict())


def style(
    content: Path,
    initial: Path,
    style: Path,
    out: Path,
    /,
    *,
    network: Literal["vgg19", "vgg19-random"] = "vgg19",
    weights: Path | None = None,
    iterations: Count = 1,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Push a stack towards the style of a reference (neural style transfer, tilt by tilt).

    Parameters
    ----------
    content
        MRC stack whose content is kept (`faket noise --method content`); .tlt beside it.
    initial
        MRC stack to start from (`faket noise --method noisy`).
    style
        MRC stack to look like; .tlt beside it.
    out
        MRC stack to write.
    network
        vgg19 needs trained weights; vgg19-random is the paper's untrained ablation.
    weights
        vgg19-dcbb9e9d.pth of torchvision; looked for in torch's cache, then downloaded.
    iterations
        Steps of Adam; the paper takes one.
    pixel_size_A
        Of all stacks, instead of what the header says, Å.
    seed
        Seed of the untrained network.
    device
        Where to compute.
    """
    from faket.cli.progress import reporting
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
    from faket.io.weights import find_vgg19_weights, load_vgg19_weights
    from faket.style import load_network, transfer_style

    check_output(out, [content, initial, style])
    size_A = pixel_size_A
    kept = read_tilt_series(content, tilt_angles_beside(content), pixel_size_A=size_A)
    start, _ = read_stack(initial, pixel_size_A=size_A)
    target = read_tilt_series(style, tilt_angles_beside(style), pixel_size_A=size_A)
    check_pixels(content, kept.geometry.pixel_size_A, style, target.geometry.pixel_size_A)
    if network == "vgg19":
        trained = load_vgg19_weights(find_vgg19_weights(weights))
        features = load_network("vgg19", weights=trained)
    else:
        features = load_network("vgg19-random", seed=seed)
    with reporting("style") as report:
        images = transfer_style(
            kept.images,
            start,
            target.images,
            network=features,
            iterations=iterations,
            angles_deg=kept.geometry.angles_deg,
            style_angles_deg=target.geometry.angles_deg,
            device=device,
            progress=ticker(report),
        )
    write_tilt_series(out, TiltSeries(images, kept.geometry))
    settings = {"network": network, "iterations": iterations, "seed": seed}
    record_manifest(out, "style", settings, [content, initial, style, weights])


def reconstruct(
    stack: Path,
    out: Path,
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
        .tlt file, or .csv of `faket acquire`, whose shifts are then undone; the .tlt beside the
        stack by default.
    binning
        Bin the images first, by cropping their spectra.
    filter
        ramp, hamming (ramp with a Hamming window), or shrec (that of FakET's reconstructions).
    normalize
        Of each image: none, mean (subtracted), or contrast (and divided by it).
    taper
        Binned pixels over which the edges of the images fade out.
    pixel_size_A
        Of the stack, instead of what the header says, Å.
    device
        Where to compute.
    """
    from faket.io.mrc import write_volume
    from faket.io.tilts import read_tilt_series, tilt_angles_beside
    from faket.reconstruction import reconstruct as reconstruct_series

    check_output(out, [stack])
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
