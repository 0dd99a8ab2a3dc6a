"""The table of the methods: all that distinguishes them."""

from dataclasses import dataclass, replace
from typing import Literal

from faket.errors import InputError

MethodName = Literal[
    "spectral",
    "style",
    "coloured",
    "noisy",
    "baseline",
    "faket",
    "faket-random",
    "benchmark",
    "noiseless",
]
Start = Literal["spectral", "coloured", "noisy", "baseline"]
NetworkName = Literal["texture", "vgg19", "vgg19-random"]


@dataclass(frozen=True)
class MethodRow:
    """A method of making images.

    Attributes
    ----------
    name : str
        As in a recipe.
    start : {"spectral", "coloured", "noisy", "baseline"}, optional
        How noise-free projections get the reference's noise; None for methods without
        reference.
    network : {"texture", "vgg19", "vgg19-random"}, optional
        Network that transfers the reference's style; None without style transfer.
    has_intensity : bool
        Whether images have a mean intensity, by which they can be normalised.
    """

    name: MethodName
    start: Start | None = None
    network: NetworkName | None = None
    has_intensity: bool = True

    @property
    def needs_reference(self) -> bool:
        """Whether the method needs a reference."""
        return self.start is not None

    @property
    def needs_spectra(self) -> bool:
        """Whether the reference's CTF and spectra must be measured."""
        return self.start == "spectral"


METHODS: dict[str, MethodRow] = {
    row.name: row
    for row in (
        MethodRow("spectral", "spectral"),
        MethodRow("style", "spectral", "texture"),
        MethodRow("coloured", "coloured"),
        MethodRow("noisy", "noisy"),
        MethodRow("baseline", "baseline"),
        MethodRow("faket", "noisy", "vgg19"),
        MethodRow("faket-random", "noisy", "vgg19-random"),
        MethodRow("benchmark"),
        MethodRow("noiseless", has_intensity=False),
    )
}


def method_row(
    name: str, *, start: Start | None = None, network: NetworkName | None = None
) -> MethodRow:
    """Return the row of a method.

    Parameters
    ----------
    name : str
    start, network : str, optional
        For the method ``style``, for which the user can choose them.

    Raises
    ------
    InputError
        If there is no such method.
    """
    row = METHODS.get(name)
    if row is None:
        raise InputError(
            f"`method`: expected one of {', '.join(METHODS)}, found {name!r}; choose one of them"
        )
    if name != "style":
        return row
    return replace(row, start=start or row.start, network=network or row.network)
