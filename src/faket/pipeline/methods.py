"""The methods: from a labelled specimen to images that look like the reference."""

from dataclasses import dataclass
from pathlib import Path

from faket.data import DoubleArray, FloatArray, Species, Specimen, TiltGeometry, TiltSeries
from faket.errors import InputError
from faket.io.records import read_record
from faket.io.style_profile import load_style_profile
from faket.io.weights import find_vgg19_weights, load_vgg19_weights
from faket.methods.reference_model import ReferenceModel
from faket.methods.spectral import spectral_content, spectral_images
from faket.microscope import AcquisitionRecord, Microscope, draw_acquisition, expose
from faket.noise import NoiseProfile, add_noise, baseline, content, noisy
from faket.pipeline.recipe import Recipe
from faket.seeds import derive
from faket.specimen import SpecimenConfig
from faket.style import FeatureNetwork, load_network, transfer_style

NO_REFERENCE = ("noiseless", "benchmark")  # methods that need none
# What is measured on a reference, in its folder.
NOISE_FILE, MODEL_FILE = "noise_profile.json", "reference_model.json"
STYLE_FILE = "style_profile.safetensors"
_AGAIN = "remove the folder and run the same command to measure the reference again"


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


def network_of(recipe: Recipe) -> str | None:
    """Return the name of the network that the method needs; None where it needs none."""
    fixed = {"faket": "vgg19", "faket-random": "vgg19-random", "style": recipe.style.network}
    return fixed.get(recipe.method)


def needs_model(recipe: Recipe) -> bool:
    """Whether the reference's spectra must be measured."""
    if recipe.method == "style":
        return recipe.style.initial == "spectral"
    return recipe.method == "spectral"


def network_weights(recipe: Recipe) -> Path | None:
    """Find the trained weights that the method needs; None where it needs none."""
    if network_of(recipe) != "vgg19":
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
    recipe, profile, angles_deg = plan.recipe, plan.profile, plan.angles_deg
    seed = derive(recipe.seed, name, "noise")
    if needs_model(recipe):
        model = read_model(plan.reference_of(name))
        initial = spectral_images(clean, model, angles_deg, seed=seed)
        if recipe.method == "spectral":
            return initial
        kept = spectral_content(clean, model, angles_deg, seed=seed)
        return _styled(plan, name, kept, initial)
    if profile is None:
        raise InputError(f"method {recipe.method}: expected a reference, found none")
    if recipe.method == "coloured":
        own = read_noise(plan.reference_of(name)).at(angles_deg)
        return add_noise(clean, own, seed=seed, spectrum="reference")
    if recipe.method == "baseline":
        return baseline(clean, profile, seed=seed, angles_deg=angles_deg)
    initial = noisy(clean, profile, seed=seed, angles_deg=angles_deg)
    if recipe.method == "noisy":
        return initial
    kept = content(clean, profile, seed=seed, angles_deg=angles_deg)
    return _styled(plan, name, kept, initial)


def _styled(plan: Plan, name: str, kept: FloatArray, initial: FloatArray) -> FloatArray:
    network = load_recipe_network(plan.recipe, plan.weights)
    assert network is not None
    return transfer_style(
        kept,
        initial,
        load_style_profile(plan.reference_of(name) / STYLE_FILE),
        network=network,
        iterations=plan.recipe.style.iterations,
        angles_deg=plan.angles_deg,
    )


def load_recipe_network(recipe: Recipe, weights: Path | None) -> FeatureNetwork | None:
    """Return the network that the method needs; None where it needs none.

    Raises
    ------
    InputError
        If it needs trained weights and there are none.
    """
    wanted = network_of(recipe)
    if wanted is None:
        return None
    if wanted == "vgg19":
        trained = None if weights is None else load_vgg19_weights(weights)
        return load_network("vgg19", weights=trained)
    if wanted == "vgg19-random":
        return load_network("vgg19-random", seed=derive(recipe.seed, "network"))
    return load_network("texture")


def read_noise(folder: Path) -> NoiseProfile:
    """Read the noise that was measured on a reference."""
    return read_record(
        folder / NOISE_FILE, NoiseProfile, what="the noise of a reference", remedy=_AGAIN
    )


def read_model(folder: Path) -> ReferenceModel:
    """Read what was measured on a reference."""
    return read_record(
        folder / MODEL_FILE, ReferenceModel, what="what was measured on a reference", remedy=_AGAIN
    )
