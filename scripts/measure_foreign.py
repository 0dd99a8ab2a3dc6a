"""Measure the methods on microscopes that share no code with them (`faket.foreign`).

    python scripts/measure_foreign.py OUT [--microscopes NAME ...] [--held-out]
        [--methods spectral style ...] [--pairs 0 1] [--size 1024] [--jobs 1] [--again]

Each microscope images two specimens of one kind. One is the reference, the only thing that a
method sees; the other is the truth, whose noise-free projections the method turns into images.
Pair 1 is pair 0 with these exchanged, pair 3 is pair 2, of two other specimens.
Measured are, over 24 rings of equal width up to Nyquist (ring 1 is the lowest):

power         of the images made over the reference's (of another specimen) and over the truth's
              (of the same), and of the tilt that deviates most, its mean deviation over the rings
              above the second;
snr           power of the signal over that of the noise, made over true, for near, middle and far
              tilts, where the truth's is above 0.05 (only of `spectral`, whose noise can be left
              out);
content       correlation with the noise-free projections, made over true, in each third of the
              rings, with the sign that the true signal has there, and its standard error by the
              scatter of tilts;
auc           of `faket compare`'s classifier, between the images made and the truth, with its
              95 % interval.

The row `another specimen` holds the same of the reference's images with their own signal and their
own noise-free projections: what another specimen under the same microscope reaches, and so as near
as a method can come that sees the reference only. The row `own specimen` holds what `spectral`
makes of the reference's own noise-free projections (which it has not seen before), against the
reference: what it misses although the specimen is the same.

Series are kept in OUT/series, rows in OUT/<microscope>-<pair>.json; what is there is not made
again, except with --again. OUT/table.md is the summary. Microscopes that are held out are left out
unless --held-out is given: then only these are measured.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

import faket.foreign
from faket.data import AnyArray, DoubleArray, TiltGeometry, TiltSeries
from faket.evaluation import content_correlation, separability
from faket.foreign import FORMATIONS, Formation
from faket.methods.look_like import look_like, reference_properties
from faket.methods.spectral import spectral_images
from faket.rings import equal_rings, hann
from faket.seeds import derive
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES, synthetic_species

SEED = 20261127
ANOTHER = "another specimen"
RINGS = 24
DENSITY_PER_A3 = 2.5e-8  # of molecules, as in measure_likeness.py
SEEN = 0.05  # signal-to-noise ratios above are compared
HEARD = 0.01  # mean correlations above are compared
GROUPS = ((0.0, 20.0), (20.0, 40.0), (40.0, 90.0))  # |tilt|, degrees


@dataclass(frozen=True)
class Imaged:
    """One specimen under a microscope."""

    images: AnyArray
    signal: AnyArray
    noise_free: AnyArray


@dataclass(frozen=True)
class Trial:
    """One microscope's reference, what is known of it, and the truth to be reached."""

    geometry: TiltGeometry
    counted: bool
    reference: Imaged
    truth: Imaged

    @property
    def angles_deg(self) -> DoubleArray:
        """The nominal tilt angles."""
        return self.geometry.angles_deg

    @property
    def series(self) -> TiltSeries:
        """All that a method sees."""
        return TiltSeries(self.reference.images, self.geometry)


def specimen_config(formation: Formation, size: int) -> SpecimenConfig:
    """Return a specimen as dense for every microscope, with a vesicle and gold that fit."""
    pixel_A, depth_A = formation.pixel_size_A, formation.thickness_A
    area_A2 = (size * pixel_A) ** 2
    molecules = max(4, round(DENSITY_PER_A3 * area_A2 * depth_A))
    gold = max(1, round(area_A2 * 6e-7))
    widest_A = min(depth_A, size * pixel_A)
    return SpecimenConfig(
        size_voxels=(size, size, round(depth_A / pixel_A)), voxel_size_A=pixel_A,
        particles=(molecules, molecules), vesicles=(1, 1),
        vesicle_semi_axes_A=(0.25 * widest_A, 0.38 * widest_A), gold=(gold, gold),
    )  # fmt: skip


def load_imaged(
    name: str, size: int, which: str, number: int, folder: Path
) -> tuple[Imaged, dict[str, Any]]:
    """Image a specimen, or read what was imaged before by the same code; and what a lab knows."""
    formation = FORMATIONS[name]
    room = Path(faket.foreign.__file__).parent
    code = b"".join((room / f"{part}.py").read_bytes() for part in ("plane", name))
    digest = hashlib.sha256(code).hexdigest()[:8]
    path = folder / f"{name}-{size}-{which}{number}-{digest}.npz"
    if not path.exists():
        species = tuple(
            synthetic_species(n, voxel_size_A=formation.pixel_size_A) for n in SYNTHETIC_SPECIES
        )
        seed = derive(SEED, name, which, *([number] if number else []))
        specimen = build_specimen(specimen_config(formation, size), species, seed=seed)
        taken = faket.foreign.image(name, specimen, seed=derive(seed, "noise"))
        known = {f"known_{key}": getattr(taken.series.geometry, key) for key in formation.known}
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part.npz")
        np.savez(
            temporary, images=taken.series.images, signal=taken.signal,
            noise_free=taken.noise_free, **known,
        )  # fmt: skip
        temporary.replace(path)
    with np.load(path) as held:
        known = {
            key.removeprefix("known_"): held[key] if held[key].ndim else held[key].item()
            for key in held.files
            if key.startswith("known_")
        }
        return Imaged(held["images"], held["signal"], held["noise_free"]), known


def load_trial(name: str, size: int, pair: int, folder: Path) -> Trial:
    """Return reference and truth of a pair."""
    formation = FORMATIONS[name]
    first, known = load_imaged(name, size, "reference", pair // 2, folder)
    second, _ = load_imaged(name, size, "truth", pair // 2, folder)
    geometry = TiltGeometry(formation.angles_deg, formation.pixel_size_A, **known)
    if pair % 2:
        first, second = second, first
    return Trial(geometry, formation.counted, first, second)


def make(trial: Trial, method: str) -> tuple[AnyArray, AnyArray | None]:
    """Return the images made of the truth's specimen, and their signal if it can be had."""
    if method == ANOTHER:
        return trial.reference.images, trial.reference.signal
    noise_free = trial.truth.noise_free
    if method == "spectral":
        properties = reference_properties(trial.series, counted=trial.counted)
        full, bare = (
            spectral_images(noise_free, properties, trial.angles_deg, seed=1, amount=amount)
            for amount in (1.0, 0.0)
        )
        return full, bare
    geometry = TiltGeometry(trial.angles_deg, trial.geometry.pixel_size_A)
    quiet: Callable[[str], None] = lambda notice: None  # noqa: E731
    made = look_like(
        TiltSeries(noise_free, geometry),
        trial.series,
        method=method,
        seed=1,
        counted=trial.counted,
        say=quiet,
    )
    return made.images, None


def ring_powers(images: AnyArray) -> DoubleArray:
    """Return the power of each tilt in each ring, [tilt, ring]."""
    rings = equal_rings(images.shape[1:], RINGS, with_mean=False)
    window = hann(images.shape[1:])
    window /= np.sqrt(np.mean(window**2))
    transforms = (fft.rfft2(window * (image - image.mean(dtype=np.float64))) for image in images)
    return np.array([rings.mean(np.abs(transform) ** 2) for transform in transforms])


def judge(trial: Trial, made: Imaged, bare: AnyArray | None) -> dict[str, Any]:
    """Return all measures of one stack; ``made.signal`` is not used, but ``bare``."""
    truth = trial.truth
    powers = [ring_powers(part.images) for part in (made, trial.reference, truth)]
    found: dict[str, Any] = {}
    for name, other in zip(("reference", "truth"), powers[1:], strict=True):
        ratio = powers[0] / other
        deviation = np.abs(ratio[:, 2:] - 1).mean(axis=1)
        worst = int(deviation.argmax())
        found[f"power_over_{name}"] = np.exp(np.log(ratio).mean(axis=0)).tolist()
        found[f"worst_tilt_over_{name}"] = [float(trial.angles_deg[worst]), float(deviation[worst])]
    found["snr"] = _snr(trial, made.images, bare)
    found["content"] = _content(truth, made, truth.signal, truth.noise_free)
    if bare is not None:
        found["content_own_signs"] = _content(truth, made, bare, made.noise_free)
    parted = separability(made.images, truth.images, seed=SEED, patch_px=64)
    found["auc"], found["auc_interval"] = float(parted.auc), list(parted.auc_interval)
    found["features"] = {
        name: float(auc)
        for name, auc in zip(parted.feature_names, parted.feature_auc, strict=True)
        if abs(auc - 0.5) > 0.1
    }
    return found


def _snr(trial: Trial, images: AnyArray, bare: AnyArray | None) -> list[dict[str, Any]]:
    """Return for each group of tilts the true ratio by ring, and made over true where seen."""
    groups = []
    truth = trial.truth
    true = ring_powers(truth.signal), ring_powers(truth.images - truth.signal)
    made = None if bare is None else (ring_powers(bare), ring_powers(images - bare))
    for low, high in GROUPS:
        held = (np.abs(trial.angles_deg) >= low) & (np.abs(trial.angles_deg) < high)
        if not held.any():
            continue
        ratio = true[0][held].mean(axis=0) / true[1][held].mean(axis=0)
        group: dict[str, Any] = {"tilts_deg": [low, high], "truth": ratio.tolist()}
        if made is not None:
            own = made[0][held].mean(axis=0) / made[1][held].mean(axis=0)
            parts = own / ratio
            group["made"] = own.tolist()
            group["made_over_truth"] = [
                float(part) if there > SEEN else None
                for part, there in zip(parts, ratio, strict=True)
            ]
        groups.append(group)
    return groups


def _content(
    truth: Imaged, made: Imaged, signal: AnyArray, noise_free: AnyArray
) -> list[dict[str, float | None]]:
    """Return the correlation with the noise-free projections in each third of the rings.

    The truth's has the signs of the truth's signal, and that of the made images has those of
    ``signal``: where those are wrong, content counts as lost.
    """
    pairs = (
        (truth.signal, truth.noise_free), (truth.images, truth.noise_free),
        (signal, noise_free), (made.images, made.noise_free),
    )  # fmt: skip
    true_sign, true, sign, seen = (
        content_correlation(stack, free, rings=RINGS).by_ring for stack, free in pairs
    )
    thirds: list[dict[str, float | None]] = []
    for rings in np.array_split(np.arange(sign.shape[1]), 3):
        own = (np.sign(sign) * seen)[:, rings].mean(axis=1)
        best = (np.sign(true_sign) * true)[:, rings].mean(axis=1)
        ratio, error = float(own.mean() / best.mean()), (own - best).std() / np.sqrt(len(own))
        heard = best.mean() > HEARD
        thirds.append(
            {
                "made": float(own.mean()),
                "truth": float(best.mean()),
                "made_over_truth": ratio if heard else None,
                "sigma": float(error / best.mean()) if heard else None,
            }
        )
    return thirds


def measure(name: str, pair: int, methods: list[str], size: int, out: Path, again: bool) -> None:
    """Measure all methods on one pair; every finished row is written at once."""
    path = out / f"{name}-{pair}.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    wanted = [ANOTHER, *(["own specimen"] if "spectral" in methods else []), *methods]
    missing = [m for m in wanted if m not in found or (again and m != ANOTHER)]
    if not missing:
        return
    start = time.perf_counter()
    trial = load_trial(name, size, pair, out / "series")
    print(f"{name} {pair}: series, {time.perf_counter() - start:.0f} s", flush=True)
    for method in missing:
        start = time.perf_counter()
        judged = trial
        if method == "own specimen":
            judged = replace(trial, truth=trial.reference)
        images, bare = make(judged, "spectral" if method == "own specimen" else method)
        seconds = time.perf_counter() - start
        of = trial.reference if method == ANOTHER else judged.truth
        made = Imaged(images, of.signal, of.noise_free)
        found[method] = judge(judged, made, bare) | {"seconds": seconds}
        path.write_text(json.dumps(found, indent=1))
        print(table_row(name, pair, method, found[method]), flush=True)


HEAD = (
    "| microscope | images | power over reference: ring 1 | 2 | above: least–most | "
    "worst tilt (°: deviation) | power over truth: above ring 2 | worst tilt | "
    "snr made over true: near | middle | far | content by third ± σ (truth's) | AUC (95 %) | "
    "goals missed | s |"
)
# Largest deviations from 1: power over the reference's of a ring above the second and of a tilt,
# signal-to-noise ratio, content of a third; and the largest AUC.
GOALS = {"power": 0.10, "tilt": 0.20, "snr": 0.25, "content": 0.05, "auc": 0.75}


def missed(row: dict[str, Any]) -> str:
    """Return the goals that a row misses."""
    snr = [value for group in row["snr"] for value in group.get("made_over_truth", [])]
    content = [third["made_over_truth"] for third in row["content"]]
    found = {
        "power": np.array(row["power_over_reference"][2:]) - 1,
        "tilt": np.array([row["worst_tilt_over_reference"][1]]),
        "snr": np.array([value for value in snr if value is not None]) - 1,
        "content": np.array([value for value in content if value is not None]) - 1,
        "auc": np.array([row["auc"]]),
    }
    out = [name for name, values in found.items() if (np.abs(values) > GOALS[name]).any()]
    return " ".join(out) or "none"


def table_row(name: str, pair: int, method: str, row: dict[str, Any]) -> str:
    """Return one line of the table."""
    power, other = (np.array(row[f"power_over_{of}"]) for of in ("reference", "truth"))
    tilts = [
        "{:.0f}: {:.2f}".format(*row[f"worst_tilt_over_{of}"]) for of in ("reference", "truth")
    ]
    ratios = [
        _range([v for v in g.get("made_over_truth", []) if v is not None]) for g in row["snr"]
    ]
    ratios += ["–"] * (len(GROUPS) - len(ratios))
    thirds = [
        ("–" if t["made_over_truth"] is None else f"{t['made_over_truth']:.2f} ± {t['sigma']:.2f}")
        + f" ({t['truth']:.3f})"
        for t in row["content"]
    ]
    auc = "{:.2f} ({:.2f}–{:.2f})".format(row["auc"], *row["auc_interval"])
    cells = [
        f"{name} {pair}", method, f"{power[0]:.2f}", f"{power[1]:.2f}", _range(power[2:]),
        tilts[0], _range(other[2:]), tilts[1], *ratios, ", ".join(thirds), auc,
        missed(row), f"{row['seconds']:.0f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _range(values: Any) -> str:
    return f"{min(values):.2f}–{max(values):.2f}" if len(values) else "–"


def write_table(out: Path) -> None:
    """Write every row that was ever measured here."""
    lines = [HEAD, "|---" * (HEAD.count("|") - 1) + "|"]
    for name in FORMATIONS:
        for path in sorted(out.glob(f"{name}-*.json")):
            pair = int(path.stem.removeprefix(f"{name}-"))
            rows = json.loads(path.read_text())
            lines += [table_row(name, pair, method, row) for method, row in rows.items()]
    (out / "table.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--microscopes", nargs="+", choices=list(FORMATIONS))
    parser.add_argument("--held-out", action="store_true", help="measure those held out instead")
    parser.add_argument("--methods", nargs="+", default=["spectral"])
    parser.add_argument("--pairs", nargs="+", type=int, default=[0])
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="measure rows that are there again")
    options = parser.parse_args()
    names = options.microscopes or [
        name for name, item in FORMATIONS.items() if item.held_out == options.held_out
    ]
    hidden = [name for name in names if FORMATIONS[name].held_out]
    if hidden and not options.held_out:
        parser.error(f"{', '.join(hidden)}: held out; give --held-out if nothing is tuned any more")
    options.out.mkdir(parents=True, exist_ok=True)
    tasks = [
        (name, pair, options.methods, options.size, options.out, options.again)
        for name in names
        for pair in options.pairs
    ]
    if options.jobs == 1:
        for task in tasks:
            measure(*task)
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            for future in [pool.submit(measure, *task) for task in tasks]:
                future.result()
    write_table(options.out)
    print((options.out / "table.md").read_text())


if __name__ == "__main__":
    main()
