"""What the figures of scores share: canvas, axes, file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.atomic import atomic_path

_DPI = 150


def need(items: Mapping[str, Any], what: str) -> None:
    """Raise InputError if there is nothing to draw."""
    if not items:
        raise InputError(f"figure: expected at least one of the {what}, found none; give one")


def new_figure(width_in: float, height_in: float) -> Any:
    """Return an empty matplotlib figure; matplotlib is imported only here."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


def tidy(axis: Any) -> None:
    """Remove the frame above and at the right, and draw pale lines behind the data."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="0.88", linewidth=0.7)
    axis.set_axisbelow(True)


def legend_beside(figure: Any, axis: Any) -> None:
    """Put the legend of an axis at the right of all axes."""
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)


def save(figure: Any, out: Path) -> Path:
    """Write a PNG and return its path."""
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png", bbox_inches="tight", pad_inches=0.08)
    return out
