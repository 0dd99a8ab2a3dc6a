"""What `faket compare` writes: every number as JSON, and the figure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.data import TiltSeries
    from faket.evaluation import ContentCorrelation, ContrastSign
    from faket.report.compare_figures import Comparison


def write_comparison(
    out: Path,
    paths: Sequence[Path],
    target: "TiltSeries",
    judged: "Sequence[Comparison]",
    signs: "Sequence[ContrastSign]",
    best: "ContentCorrelation | None",
    settings: dict[str, Any],
) -> None:
    """Write compare.json and compare.png; ``paths`` begin with the reference's."""
    from faket.io.content import sha256_of
    from faket.io.manifest import plain, software_versions
    from faket.io.text import write_text
    from faket.report.compare_figures import compare_figure

    entries = [
        {
            "stack": str(path),
            "sha256": sha256_of(path),
            "pixel_size_A": series.geometry.pixel_size_A,
            "angles_deg": series.geometry.angles_deg,
            "contrast": sign,
        }
        for path, series, sign in zip(
            paths, [target, *(item.series for item in judged)], signs, strict=True
        )
    ]
    entries[0]["content"] = best
    for entry, item in zip(entries[1:], judged, strict=True):
        measures = {name: getattr(item, name) for name in ("spectrum", "separability", "content")}
        entry.update(measures)
    numbers = {
        "reference": entries[0],
        "stacks": entries[1:],
        "settings": settings,
        "software": software_versions(),
    }
    text = json.dumps(plain(numbers, out), indent=1, ensure_ascii=False, allow_nan=False)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "compare.json", [text])
    compare_figure(out / "compare.png", target, judged, best)
