"""The methods: from a labelled specimen to images that look like the reference."""

from dataclasses import dataclass
from pathlib import Path

from faket.data import DoubleArray, FloatArray, Species, Specimen, TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.io.tilts import read_tilt_series
from faket.io.weights import find_vgg19_weights, load_vgg19_weights
from faket.microscope import AcquisitionRecord, Microscope, draw_acquisition, expose
from faket.noise import NoiseProfile, baseline, content, noisy
from faket.pipeline.recipe import Recipe
from faket.seeds import derive
from faket.specimen import SpecimenConfig
from faket.style import load_network, transfer_style


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to make any tomogram of the data set."""

    recipe: Recipe
    library: tuple[Species, ...]
    specimen: SpecimenConfig
    angles_deg: DoubleArray
    microscope: Microscope
    profile: NoiseProfile | None
    weights: Path | None
    inputs: tuple[Path, ...]
    out: Path

    def reference_of(self, name: str) -> Path:
        """Return the folder of the reference that tomogram ``model_<i>`` looks like."""
        index = int(name.rpartition("_")[2]) % len(self.recipe.reference)
        return self.out / f"reference_{index}"


def network_weights(recipe: Recipe) -> Path | None:
    """Find the trained weights that the method needs; None where it needs none."""
    if recipe.method != "faket":
        return None
    path = recipe.style.weights
    return find_vgg19_weights(None if path is None else recipe.at(path))


def make_images(
    plan: Plan, specimen: Specimen, clean: FloatArray, name: str
) -> tuple[TiltSeries, AcquisitionRecord | None]:
    """Make the tilt-series of one tomogram by the recipe's method.

    Parameters
    ----------
    plan : Plan
    specimen : Specimen
    clean : ndarray, shape (tilt, y, x)
        Noiseless tilts, protein dark.
    name : str
        Names the tomogram's random streams.

    Returns
    -------
    tuple of TiltSeries and AcquisitionRecord or None
        The record is that of the physics simulator, where it made the images.
    """
    geometry = TiltGeometry(plan.angles_deg, plan.recipe.specimen.voxel_size_A)
    if plan.recipe.method == "noiseless":
        return TiltSeries(clean, geometry), None
    if plan.recipe.method == "benchmark":
        seed = derive(plan.recipe.seed, name, "acquisition")
        record = draw_acquisition(plan.microscope, geometry, seed=seed)
        return expose(specimen, record).series, record
    return TiltSeries(_like_reference(plan, clean, name), geometry), None


def _like_reference(plan: Plan, clean: FloatArray, name: str) -> FloatArray:
    method, profile = plan.recipe.method, plan.profile
    if profile is None:
        raise InputError(f"method {method}: expected a reference, found none")
    seed = derive(plan.recipe.seed, name, "noise")
    if method == "baseline":
        return baseline(clean, profile, seed=seed, angles_deg=plan.angles_deg)
    initial = noisy(clean, profile, seed=seed, angles_deg=plan.angles_deg)
    if method == "noisy":
        return initial
    return _styled(
        plan, name, content(clean, profile, seed=seed, angles_deg=plan.angles_deg), initial
    )


def _styled(plan: Plan, name: str, kept: FloatArray, initial: FloatArray) -> FloatArray:
    folder = plan.reference_of(name)
    style = read_tilt_series(folder / "projections.mrc", folder / "projections.tlt")
    if plan.weights is not None:
        network = load_network("vgg19", weights=load_vgg19_weights(plan.weights))
    else:
        network = load_network("vgg19-random", seed=derive(plan.recipe.seed, "network"))
    return transfer_style(
        kept,
        initial,
        style.images,
        network=network,
        iterations=plan.recipe.style.iterations,
        angles_deg=plan.angles_deg,
        style_angles_deg=style.geometry.angles_deg,
    )
