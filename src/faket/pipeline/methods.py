"""The method of a recipe: what it needs, and how it makes a tomogram's images."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from faket.data import DoubleArray, FloatArray, Species, Specimen, TiltGeometry, TiltSeries
from faket.io.model_folder import (
    NOISE_PROFILE,
    REFERENCE_MODEL,
    STYLE_PROFILE,
    number_of,
    reference_name,
)
from faket.io.records import read_record
from faket.io.style_profile import load_style_profile
from faket.io.weights import find_vgg19_weights, load_vgg19_weights
from faket.methods.reference_properties import ReferenceProperties
from faket.methods.render import Measured, render
from faket.methods.splitting import split
from faket.methods.table import MethodRow, NetworkName, method_row
from faket.microscope import AcquisitionRecord, Microscope, draw_acquisition, expose
from faket.noise import NoiseProfile
from faket.pipeline.foreign_microscope import foreign_formation, foreign_series
from faket.pipeline.recipe import Recipe
from faket.reconstruction import MeasuredFilter
from faket.seeds import derive
from faket.specimen import SpecimenConfig
from faket.style import FeatureNetwork, StyleProfile, load_network

_AGAIN = "remove the folder and run the same command to measure the reference again"


@dataclass(frozen=True)
class Plan:
    """Everything that a worker needs to make any tomogram of the data set."""

    recipe: Recipe
    library: tuple[Species, ...]
    specimen: SpecimenConfig
    angles_deg: DoubleArray
    microscope: Microscope | None  # None: a foreign one
    profile: NoiseProfile | None
    weights: Path | None
    inputs: tuple[Path, ...]
    out: Path
    measured_filter: MeasuredFilter | None = None

    def reference_of(self, name: str) -> Path:
        """Return the folder of the reference that tomogram ``model_<i>`` looks like."""
        index = number_of(name) % len(self.recipe.reference)
        return self.out / reference_name(index)


def method_of(recipe: Recipe) -> MethodRow:
    """Return the row of the recipe's method."""
    return method_row(recipe.method, start=recipe.style.initial, network=recipe.style.network)


def network_weights(recipe: Recipe) -> Path | None:
    """Find the trained weights that the method needs; None if it needs none."""
    if method_of(recipe).network != "vgg19":
        return None
    path = recipe.style.weights
    return find_vgg19_weights(None if path is None else recipe.at(path))


@dataclass(frozen=True)
class TomogramImages:
    """The images of one tomogram.

    Attributes
    ----------
    series : TiltSeries
    acquisition : AcquisitionRecord or None
        That of the physics simulator; None if another method, or a foreign microscope, made the
        images.
    halves : tuple of two TiltSeries, or None
        From odd and from even frames, if the recipe wants them; their sum is ``series``.
    """

    series: TiltSeries
    acquisition: AcquisitionRecord | None = None
    halves: tuple[TiltSeries, TiltSeries] | None = None


def make_images(
    plan: Plan, noise_free: FloatArray, specimen: Specimen | None, name: str
) -> TomogramImages:
    """Make the tilt-series of one tomogram by the recipe's method.

    Parameters
    ----------
    plan : Plan
    noise_free : ndarray, shape (tilt, y, x)
        Noise-free projections, protein dark.
    specimen : Specimen or None
        For the physics simulator.
    name : str
        Name of the tomogram, and of its random streams.

    Returns
    -------
    TomogramImages
    """
    recipe, method = plan.recipe, method_of(plan.recipe)
    geometry = TiltGeometry(plan.angles_deg, recipe.specimen.voxel_size_A)
    if method.needs_reference:
        return _rendered(plan, method, TiltSeries(noise_free, geometry), name)
    if method.name == "noiseless":
        return TomogramImages(TiltSeries(noise_free, geometry))
    assert specimen is not None
    seed = derive(recipe.seed, name, "acquisition")
    if (foreign := foreign_formation(recipe.microscope)) is not None:
        return TomogramImages(foreign_series(foreign, specimen, seed=seed))
    assert plan.microscope is not None
    record = draw_acquisition(plan.microscope, geometry, seed=seed)
    exposure = expose(specimen, record, halves=recipe.halves)
    return TomogramImages(exposure.series, record, exposure.halves)


def _rendered(plan: Plan, method: MethodRow, noise_free: TiltSeries, name: str) -> TomogramImages:
    """Return images that look like the tomogram's reference."""
    recipe, geometry = plan.recipe, noise_free.geometry
    measured, seed = _measured(plan, method, name), derive(recipe.seed, name, "noise")
    made = (method, noise_free.images, plan.angles_deg, measured)
    images = render(*made, seed=seed, iterations=recipe.style.iterations)
    if not recipe.halves:
        return TomogramImages(TiltSeries(images, geometry))
    odd, even = split(images, *made, seed=seed, iterations=recipe.style.iterations)
    halves = (TiltSeries(odd, geometry), TiltSeries(even, geometry))
    return TomogramImages(TiltSeries(images, geometry), halves=halves)


def _measured(plan: Plan, method: MethodRow, name: str) -> Measured:
    """Read what was measured on the reference of a tomogram."""
    folder = plan.reference_of(name)
    # As in the paper, noise is averaged over all references; coloured noise is that of its own.
    noise = read_noise(folder) if method.start == "coloured" else plan.profile
    return Measured(
        noise,
        read_properties(folder) if method.needs_spectra else None,
        _style_of(folder) if method.network else None,
        load_recipe_network(plan.recipe, plan.weights),
    )


def load_recipe_network(recipe: Recipe, weights: Path | None) -> FeatureNetwork | None:
    """Return the network that the method needs; None if it needs none.

    Raises
    ------
    InputError
        If it needs trained weights and there are none.
    """
    wanted = method_of(recipe).network
    if wanted is None:
        return None
    if wanted == "vgg19" and weights is not None:
        return _network(wanted, derive(recipe.seed, "network"), weights, _date(weights))
    return _network(wanted, derive(recipe.seed, "network"))


# Kept from one tomogram to the next. A file that has changed since is read again.
@lru_cache(maxsize=1)
def _network(
    name: NetworkName, seed: int, weights: Path | None = None, _: int = 0
) -> FeatureNetwork:
    if name == "vgg19-random":
        return load_network(name, seed=seed)
    if name == "vgg19":
        return load_network(name, weights=None if weights is None else load_vgg19_weights(weights))
    return load_network(name)


def _style_of(folder: Path) -> StyleProfile:
    return _style(folder / STYLE_PROFILE, _date(folder / STYLE_PROFILE))


@lru_cache(maxsize=1)
def _style(path: Path, _: int) -> StyleProfile:
    return load_style_profile(path)


def _date(path: Path) -> int:
    """Return when a file last changed (ns); 0 if it is missing, which its reader reports."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_noise(folder: Path) -> NoiseProfile:
    """Read the noise that was measured on a reference."""
    return read_record(
        folder / NOISE_PROFILE, NoiseProfile, what="the noise of a reference", remedy=_AGAIN
    )


def read_properties(folder: Path) -> ReferenceProperties:
    """Read what was measured on a reference."""
    return read_record(
        folder / REFERENCE_MODEL,
        ReferenceProperties,
        what="what was measured on a reference",
        remedy=_AGAIN,
    )
