"""The table that `faket compare` prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.evaluation import ContentCorrelation, ContrastSign
    from faket.report.compare_figures import Comparison


def print_table(
    target: "TiltSeries",
    judged: "Sequence[Comparison]",
    signs: "Sequence[ContrastSign]",
    best: "ContentCorrelation | None",
) -> None:
    """Print a row for the reference and one for each stack that was compared with it.

    ``best``: the content of the reference itself, which the stacks can at best reach.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file or pipe: rich would break lines at 80
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for title in ("stack", "tilts", "spectrum", "AUC", "d'", "content", "contrast"):
        table.add_column(title, overflow="fold")
    total = len(target.images)
    nothing = ("", "", "")
    table.add_row("reference", str(total), *nothing, _correlation(best), signs[0].sign)
    for item, sign in zip(judged, signs[1:], strict=True):
        classified, spectrum = item.separability, item.spectrum
        low, high = classified.auc_interval
        table.add_row(
            item.name,
            f"{len(spectrum.tilts)}/{len(item.series.images)}",
            f"{spectrum.distance:.3f} ({spectrum.floor:.3f})",
            f"{classified.auc:.3f} [{low:.2f}, {high:.2f}]",
            f"{classified.d_prime:.2f}",
            _correlation(item.content),
            sign.sign,
        )
    console.print(table, markup=False, highlight=False)


def _correlation(content: "ContentCorrelation | None") -> str:
    return "" if content is None else f"{content.mean:.3f}"
