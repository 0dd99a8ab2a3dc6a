"""The recipe's sections `tilts`, `microscope`, `style` and `reconstruction`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from faket.methods.table import NetworkName
from faket.microscope import PRESETS
from faket.pipeline.recipe_reference import Section
from faket.reconstruction.filters import Filter
from faket.reconstruction.wbp import Method, Normalize


class Tilts(Section):
    """The tilt angles of the data to be made."""

    start_deg: float = Field(-60.0, ge=-90, le=90, description="first tilt angle (degrees)")
    stop_deg: float = Field(60.0, ge=-90, le=90, description="last tilt angle (degrees)")
    step_deg: float = Field(2.0, gt=0, le=90, description="increment between tilts (degrees)")
    file: Path | None = Field(None, description=".tlt file of tilt angles, instead of these")


class MicroscopeSection(Section):
    """The microscope that simulates references, and the images of method benchmark."""

    preset: str = Field(
        "shrec21",
        description=f"one of {', '.join(PRESETS)}, or foreign: and a name of faket.foreign",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="settings that differ from the preset, by name"
    )


class Style(Section):
    """Neural style transfer."""

    network: NetworkName = Field(
        "texture", description="method style: texture, vgg19 or vgg19-random"
    )
    initial: Literal["spectral", "noisy"] = Field(
        "spectral", description="method style: images that are changed, spectral or noisy"
    )
    weights: Path | None = Field(
        None, description="weights of VGG19 (torchvision's file); by default cached or downloaded"
    )
    iterations: int | None = Field(
        None, ge=1, le=1000, description="optimiser steps; by default 6 for texture, 1 for VGG19"
    )


class Reconstruction(Section):
    """From tilts to tomogram."""

    binning: int = Field(
        2,
        ge=1,
        le=64,
        description="binning of the images before reconstruction; a voxel of the tomogram is "
        "specimen.voxel_size_A times this number",
    )
    depth: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="slices of the tomogram around the middle of the specimen, binned voxels; by "
        "default as many as the specimen has, with like as many as that tomogram has",
    )
    method: Method = Field("wbp", description="wbp (weighted back-projection) or sirt")
    filter: Filter = Field(
        "ramp",
        description="of wbp: ramp, hamming (ramp with a Hamming window), shrec (FakET's), imod "
        "(RADIAL 0.35 0.035), imod-sirt (its SIRT-like filter), aretomo (its -Wbp 1), warp or "
        "relion (its Wiener filter, not its Fourier inversion)",
    )
    iterations: int = Field(
        20, ge=1, le=1000, description="of method sirt, and of the SIRT that imod-sirt resembles"
    )
    ctf: Literal["none", "flip"] = Field(
        "none",
        description="flip: signs of the contrast transfer are corrected before, strip by strip "
        "with the defocus of its height (methods style, spectral and benchmark)",
    )
    invert: bool = Field(
        False, description="multiply the tomograms by -1: protein bright, as Warp writes them"
    )
    normalize: Normalize = Field(
        "mean", description="of each image: none, mean (subtracted) or contrast (and divided by it)"
    )
    like: Path | None = Field(
        None,
        description="tomogram (MRC) of your own program, best of the reference's tilt-series: its "
        "filter and grey values are measured and given to these tomograms",
    )
    taper: int = Field(
        16, ge=0, le=1024, description="border in which images fade to zero (binned pixels)"
    )
