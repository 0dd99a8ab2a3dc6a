"""The command `style`: style transfer from a reference to a stack."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from faket.cli.common import (
    Count,
    Flag,
    Positive,
    Seed,
    Where,
    record_manifest,
    refuse_unused,
    ticker,
)
from faket.cli.outputs import OutProfile, OutStack
from faket.cli.references import given_reference, opened_reference, ready_images
from faket.io.model_folder import ANGLES

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.references.facts import Given
    from faket.style import FeatureNetwork, StyleProfile


def style(
    content: Path,
    initial: Path,
    style: Path,
    out: OutStack,
    /,
    *,
    network: Literal["texture", "vgg19", "vgg19-random"] = "texture",
    content_angles: Path | None = None,
    style_angles: Path | None = None,
    reference_aligned: bool | None = None,
    reference_series: str | None = None,
    reference_tomogram: Flag = False,
    weights: Path | None = None,
    iterations: Count | None = None,
    save_profile: OutProfile | None = None,
    memory_limit_GB: Positive | None = None,
    invert_reference: Flag = False,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Change a stack towards the style of a reference by neural style transfer, tilt by tilt.

    Parameters
    ----------
    content
        Stack whose content is preserved, as `faket noise --method spectral-content` writes it
        (MRC; tilt angles beside it as .tlt).
    initial
        Stack that is changed, as `faket noise` writes it (MRC).
    style
        Reference to look like: a stack (MRC), the folder of a run, or any of its files (see
        `faket inspect`); or a profile of it that --save-profile wrote (.safetensors). Smaller
        pixels than those of the content are resampled to theirs.
    out
        MRC stack to write.
    network
        Network whose features describe the style. texture: faket's own. vgg19: the paper's, with
        trained weights. vgg19-random: the same without training, the paper's control.
    content_angles
        .tlt file of the content, if it is not beside it.
    style_angles
        File of the reference's tilt angles, if it is not beside it.
    reference_aligned
        Whether the reference is aligned already, if its files tell it wrongly.
    reference_series
        Which tilt-series, if the reference's folder or file holds several.
    reference_tomogram
        Take the reference for a tomogram, whatever its name is.
    weights
        Weights of vgg19: torchvision's file vgg19-dcbb9e9d.pth. By default it is looked for in
        torch's cache and downloaded if it is not there.
    iterations
        Number of optimiser steps. [default: 6 for texture; 1 for VGG19, as in the paper]
    save_profile
        File (.safetensors) to write as well: the style measured on the reference. It can be given
        as STYLE later, or to others in place of the reference.
    memory_limit_GB
        Memory that VGG19 may use beyond the stacks, in GB; larger images are computed in tiles,
        with the same result. [default: 2, on a GPU 60 % of its free memory]
    invert_reference
        Multiply the reference by -1; needed if protein is bright in it.
    pixel_size_A
        Pixel size of all stacks in Å, instead of the ones in their headers.
    seed
        Seed of the weights of vgg19-random.
    device
        Processor to use: auto takes a CUDA GPU if there is one.
    """
    from faket.cli.progress import reporting
    from faket.data import TiltSeries
    from faket.io.mrc import read_stack
    from faket.io.style_profile import load_style_profile, save_style_profile
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
    from faket.style import transfer_style

    is_profile = style.suffix == ".safetensors"
    _refuse_ignored(network, weights, memory_limit_GB)
    if is_profile:
        refuse_unused(
            "with a profile", style_angles=style_angles, invert_reference=invert_reference,
            reference_aligned=reference_aligned, reference_series=reference_series,
            reference_tomogram=reference_tomogram,
        )  # fmt: skip
    tlt = content_angles or tilt_angles_beside(content, option="content_angles")
    kept = read_tilt_series(content, tlt, pixel_size_A=pixel_size_A)
    start, _ = read_stack(initial, pixel_size_A=pixel_size_A)
    features = _network(network, weights, seed)
    given = given_reference(
        style_angles, pixel_size_A, invert_reference, reference_aligned, reference_series,
        reference_tomogram, angles_option="style_angles",
    )  # fmt: skip
    read = [style]
    limit = None if memory_limit_GB is None else int(memory_limit_GB * 1e9)
    with reporting("style") as report:
        profile = (
            load_style_profile(style)
            if is_profile
            else _measured(style, given, kept, read, features, device, limit, ticker(report))
        )  # the reference's stack is not kept
        if save_profile is not None:
            save_style_profile(profile, save_profile)
        images = transfer_style(
            kept.images,
            start,
            profile,
            network=features,
            iterations=iterations,
            angles_deg=kept.geometry.angles_deg,
            pixel_size_A=kept.geometry.pixel_size_A,
            device=device,
            memory_limit=limit,
            progress=ticker(report),
        )
    write_tilt_series(out, TiltSeries(images, kept.geometry))
    settings = {"network": network, "iterations": iterations, "seed": seed}
    inputs = [content, initial, *read, weights]
    record_manifest(out, "style", settings, inputs, beside=[out.with_suffix(ANGLES)])


def _refuse_ignored(network: str, weights: Path | None, memory_limit_GB: float | None) -> None:
    """Refuse options that the network would ignore."""
    if network != "vgg19":
        refuse_unused(f"with network {network}", weights=weights)
    if network == "texture":
        refuse_unused("with network texture", memory_limit_GB=memory_limit_GB)


def _network(name: str, weights: Path | None, seed: int) -> "FeatureNetwork":
    from faket.io.weights import find_vgg19_weights, load_vgg19_weights
    from faket.style import load_network

    if name == "vgg19":
        return load_network("vgg19", weights=load_vgg19_weights(find_vgg19_weights(weights)))
    return load_network("vgg19-random" if name == "vgg19-random" else "texture", seed=seed)


def _measured(
    style: Path,
    given: "Given",
    kept: "TiltSeries",
    read: list[Path],
    network: "FeatureNetwork",
    device: Where,
    memory_limit: int | None,
    progress: Callable[[int, int], None],
) -> "StyleProfile":
    """Measure the style of the reference; its files replace what is in ``read``."""
    from faket.style import StyleProfile

    opened = opened_reference(style, given)
    read[:] = opened.files
    series = ready_images(style, opened, kept.geometry.pixel_size_A).series
    return StyleProfile.measure(
        series.images,
        network=network,
        angles_deg=series.geometry.angles_deg,
        pixel_size_A=series.geometry.pixel_size_A,
        device=device,
        memory_limit=memory_limit,
        progress=progress,
    )
