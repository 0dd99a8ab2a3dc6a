"""Style transfer, files to files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from faket.cli.common import (
    Count,
    Flag,
    Positive,
    Seed,
    Where,
    check_pixels,
    check_sign,
    record_manifest,
    refuse_unused,
    tell,
    ticker,
)
from faket.cli.outputs import OutProfile, OutStack
from faket.io.model_folder import ANGLES

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.style import FeatureNetwork


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
    weights: Path | None = None,
    iterations: Count | None = None,
    save_profile: OutProfile | None = None,
    memory_limit_GB: Positive | None = None,
    invert_reference: Flag = False,
    pixel_size_A: Positive | None = None,
    seed: Seed = 0,
    device: Where = "auto",
) -> None:
    """Push a stack towards the style of a reference (neural style transfer, tilt by tilt).

    Parameters
    ----------
    content
        MRC stack whose content is kept (`faket noise --method spectral-content`); .tlt beside it.
    initial
        MRC stack to start from (`faket noise`).
    style
        MRC stack to look like, its .tlt beside it; or a .safetensors profile of one.
    out
        MRC stack to write.
    network
        texture: faket's own. vgg19 needs trained weights; vgg19-random is the paper's untrained
        ablation.
    content_angles
        .tlt of the content, if it is elsewhere.
    style_angles
        .tlt of the style, if it is elsewhere.
    weights
        vgg19-dcbb9e9d.pth of torchvision; looked for in torch's cache, then downloaded.
    iterations
        Steps; by default six of the texture network, and one of VGG19 as in the paper.
    save_profile
        Write here what was measured of the reference (.safetensors), to be used as style again
        or given to others instead of the data.
    memory_limit_GB
        What VGG19 may take beyond the stacks, by default 2 GB, and on a GPU 60 % of what is free
        there; larger images are done in tiles, exactly.
    invert_reference
        Multiply the style by -1: for stacks in which protein is bright.
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
    from faket.io.style_profile import load_style_profile, save_style_profile
    from faket.io.tilts import read_tilt_series, tilt_angles_beside, write_tilt_series
    from faket.style import StyleProfile, transfer_style

    if network != "vgg19":
        refuse_unused(f"with network {network}", weights=weights)
    if network == "texture":
        refuse_unused("with network texture", memory_limit_GB=memory_limit_GB)
    is_profile = style.suffix == ".safetensors"
    if is_profile:
        unused = {"style_angles": style_angles, "invert_reference": invert_reference}
        refuse_unused("with a profile", **unused)
    tlt = content_angles or tilt_angles_beside(content, option="content_angles")
    kept = read_tilt_series(content, tlt, pixel_size_A=pixel_size_A)
    start, _ = read_stack(initial, pixel_size_A=pixel_size_A)
    features = _network(network, weights, seed)
    limit = None if memory_limit_GB is None else int(memory_limit_GB * 1e9)

    with reporting("style") as report:
        profile = (
            load_style_profile(style)
            if is_profile
            else StyleProfile.measure(
                **_measurable(style, style_angles, pixel_size_A, invert_reference, content, kept),
                network=features,
                device=device,
                memory_limit=limit,
                progress=ticker(report),
            )  # the reference's stack is not kept
        )
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
    record_manifest(
        out, "style", settings, [content, initial, style, weights], beside=[out.with_suffix(ANGLES)]
    )


def _network(name: str, weights: Path | None, seed: int) -> "FeatureNetwork":
    from faket.io.weights import find_vgg19_weights, load_vgg19_weights
    from faket.style import load_network

    if name == "vgg19":
        return load_network("vgg19", weights=load_vgg19_weights(find_vgg19_weights(weights)))
    return load_network("vgg19-random" if name == "vgg19-random" else "texture", seed=seed)


def _measurable(
    style: Path,
    angles: Path | None,
    pixel_size_A: float | None,
    invert: bool,
    content: Path,
    kept: "TiltSeries",
) -> dict[str, Any]:
    """Read a style's stack; return what its profile is measured on."""
    from faket.io.tilts import read_tilt_series, tilt_angles_beside
    from faket.methods.usable import usable_reference

    tlt = angles or tilt_angles_beside(style, option="style_angles")
    usable = usable_reference(
        read_tilt_series(style, tlt, pixel_size_A=pixel_size_A), invert=invert, where=str(style)
    )
    tell(style, usable.notice)
    if not invert:
        check_sign(style, usable.series.images)
    geometry = usable.series.geometry
    check_pixels(content, kept.geometry.pixel_size_A, style, geometry.pixel_size_A)
    return {
        "stack": usable.series.images,
        "angles_deg": geometry.angles_deg,
        "pixel_size_A": geometry.pixel_size_A,
    }
