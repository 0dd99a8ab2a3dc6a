"""The rows of a study's table: modalities, and the data that they are trained on."""

from dataclasses import dataclass
from typing import Literal

from faket.methods.table import METHODS

Test = Literal["benchmark", "noiseless"]
Matching = Literal["tm", "tm-f"]


@dataclass(frozen=True)
class DataKind:
    """How the training tomograms of some modalities are made.

    Attributes
    ----------
    key : str
        Name of its recipe and folder.
    method : str
        Of the recipe.
    style : mapping as tuple of pairs
        Fields of the recipe's [style].
    noise_free_reference : bool
        Whether the noise is estimated with the reference's own noise-free projections, as in the
        paper.
    """

    key: str
    method: str
    style: tuple[tuple[str, str], ...] = ()
    noise_free_reference: bool = False

    @property
    def has_reference(self) -> bool:
        """Whether it is made to look like physics tilt-series."""
        return METHODS[self.method].needs_reference


_NOISY_TEXTURE = (("network", "texture"), ("initial", "noisy"))
_SPECTRAL_TEXTURE = (("network", "texture"), ("initial", "spectral"))
DATA: dict[str, DataKind] = {
    kind.key: kind
    for kind in (
        DataKind("benchmark", "benchmark"),
        DataKind("style", "style", _SPECTRAL_TEXTURE),
        DataKind("spectral", "spectral"),
        DataKind("coloured", "coloured"),
        DataKind("noisy", "noisy", noise_free_reference=True),
        DataKind("baseline", "baseline", noise_free_reference=True),
        DataKind("faket", "faket", noise_free_reference=True),
        DataKind("faket-texture", "style", _NOISY_TEXTURE, noise_free_reference=True),
        DataKind("faket-random", "faket-random", noise_free_reference=True),
        DataKind("noiseless", "noiseless"),
    )
}


@dataclass(frozen=True)
class Modality:
    """One row of the table: what a picker is trained on, or which template matching.

    Attributes
    ----------
    key : str
        Name on the command line and of its folder.
    title : str
        Name in the table; ``{k}`` is the number of few tomograms.
    about : str
        One line for the page.
    data : str
        Key of the data it is trained on; empty for template matching.
    few : bool
        Whether it is trained on only ``few`` tomograms.
    parent : str
        Modality whose checkpoints are fine-tuned; empty if none.
    test : {"benchmark", "noiseless"}
        Modality of the test tomogram.
    matching : {"tm", "tm-f"}, optional
    """

    key: str
    title: str
    about: str
    data: str = ""
    few: bool = False
    parent: str = ""
    test: Test = "benchmark"
    matching: Matching | None = None


MODALITIES: dict[str, Modality] = {
    item.key: item
    for item in (
        Modality("benchmark", "BENCHMARK", "the physics simulator", "benchmark"),
        Modality("style", "style", "spectral, then texture transfer", "style"),
        Modality(
            "spectral",
            "spectral",
            "contrast transfer, signal and noise of the reference, ring by ring (default)",
            "spectral",
        ),
        Modality(
            "coloured",
            "coloured",
            "spectral without contrast transfer: noise of the reference's spectrum",
            "coloured",
        ),
        Modality("noisy", "NOISY", "white noise, its strength measured tilt by tilt", "noisy"),
        Modality(
            "baseline", "BASELINE", "white noise of the same strength in all tilts", "baseline"
        ),
        Modality("faket", "FAKET (VGG19)", "NOISY, then the paper's style transfer", "faket"),
        Modality(
            "faket-texture",
            "FAKET (texture)",
            "NOISY, then transfer with the texture network",
            "faket-texture",
        ),
        Modality(
            "faket-random",
            "FAKET-RANDOM",
            "NOISY, then transfer with untrained VGG19",
            "faket-random",
        ),
        Modality(
            "noiseless",
            "NOISELESS",
            "no noise; tested on the test specimen without noise",
            "noiseless",
            test="noiseless",
        ),
        Modality(
            "benchmark-few",
            "BENCHMARK-{k}",
            "{k} physics tomogram(s), validated on another",
            "benchmark",
            few=True,
        ),
        Modality(
            "finetuned",
            "FINETUNED-{k} (style)",
            "style's pickers, then {k} physics tomogram(s)",
            "benchmark",
            few=True,
            parent="style",
        ),
        Modality(
            "finetuned-faket",
            "FINETUNED-{k} (FAKET)",
            "FAKET's (VGG19) pickers, then {k} physics tomogram(s)",
            "benchmark",
            few=True,
            parent="faket",
        ),
        Modality(
            "finetuned-faket-texture",
            "FINETUNED-{k} (FAKET, texture)",
            "FAKET's (texture) pickers, then {k} physics tomogram(s)",
            "benchmark",
            few=True,
            parent="faket-texture",
        ),
        Modality("tm", "TM", "template matching with CTF and wedge", matching="tm"),
        Modality("tm-f", "TM-F", "TM, whitened and band-passed", matching="tm-f"),
    )
}
NEEDS_VGG19 = ("faket", "finetuned-faket")
