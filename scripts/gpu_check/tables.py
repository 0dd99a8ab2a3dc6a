"""The results as lines for the screen and as Markdown for docs/benchmarks.md."""

from typing import Any

FINE = ("passed", "CPU only", "left out")


def line(result: dict[str, Any]) -> str:
    """Return a result as one line, and one more for each of its rows."""
    head = f"{result['part']:<24}{result['status']:<10}{result.get('wall_s', 0):7.1f} s"
    if "error" in result:
        return f"{head}  {result['error']}"
    return "\n".join([head, *(f"    {_row(row)}" for row in result["rows"])])


def _row(row: dict[str, Any]) -> str:
    if _is_none(row):
        return row["what"]
    if "found" in row:
        sign = "<=" if row["agrees"] else ">"
        return f"{row['what']}: {row['found']:.2g} {sign} {row['allowed']:.2g}"
    return f"{row['what']}: {_seconds(row)}, {_memory(row)}, {_shares(row)}"


def markdown(whole: dict[str, Any]) -> str:
    """Return two tables: what agrees with the CPU, and what takes how long."""
    parts = whole["parts"]
    versions = ", ".join(
        f"{name} {whole[name]}"
        for name in ("python", "torch", "cuda", "cudnn", "driver", "numpy", "numba")
        if name in whole
    )
    memory = f" ({whole['gpu_memory_GB']} GB)" if "gpu_memory_GB" in whole else ""
    size = "toy sizes, " if whole["small"] else ""
    out = [
        f"`make gpu-check` on {whole['date']}: {whole['device']}{memory}, {whole['cpu_cores']} "
        f"cores of a CPU; {versions}; {size}commit {whole['commit']}.",
        "",
        "| compared with the CPU | difference | allowed | |",
        "|---|---|---|---|",
        *(_agreement(part, row) for part in parts for row in _rows(part, "found")),
        "",
        "| measured, warm, median | seconds | runs | GPU memory | host / copies / GPU |",
        "|---|---|---|---|---|",
        *(_speed(row) for part in parts for row in _rows(part, "seconds")),
        "",
    ]
    rest = [p for p in parts if p["status"] not in FINE]
    out += [f"- {p['part']}: {p['status']}; {p.get('error', 'see the tables')}" for p in rest]
    notes = {row["note"]: None for part in parts for row in part.get("rows", []) if "note" in row}
    out += [f"- {note}" for note in notes]
    return "\n".join(out) + "\n"


def _rows(part: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = part.get("rows", [])
    return [r for r in rows if key in r or (key == "found" and _is_none(r))]


def _is_none(row: dict[str, Any]) -> bool:
    """Return whether nothing was compared or measured."""
    return bool(row.get("cpu_only") or row.get("left_out"))


def _agreement(part: dict[str, Any], row: dict[str, Any]) -> str:
    if _is_none(row):
        return f"| {row['what']} | – | – | n/a |"
    verdict = "agrees" if row["agrees"] else "**differs**"
    return f"| {row['what']} | {row['found']:.1e} | {row['allowed']:.1e} | {verdict} |"


def _speed(row: dict[str, Any]) -> str:
    cells = f"| {row['what']} | {_seconds(row)} | {len(row['runs'])} "
    return cells + f"| {_memory(row)} | {_shares(row)} |"


def _seconds(row: dict[str, Any]) -> str:
    about = "about " if row.get("reckoned") else ""
    return f"{about}{row['seconds']:.3g} s"


def _memory(row: dict[str, Any]) -> str:
    return "–" if row.get("peak_GB") is None else f"{row['peak_GB']:.2f} GB"


def _shares(row: dict[str, Any]) -> str:
    shares = row.get("shares")
    if not shares:
        return "–"
    return " / ".join(f"{shares[name]:.0%}" for name in ("host", "copies", "gpu"))
