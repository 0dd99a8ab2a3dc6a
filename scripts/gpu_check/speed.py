"""Seconds, GPU memory, and where the time goes, at full size (toy size where asked).

Each function returns rows: what was measured, the median of up to three warm runs, their number,
the peak of torch's memory on the GPU, and the shares of host, copies and GPU in one more run.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from bench_microscope import crowded_specimen
from child import Row, Task
from inputs import (
    FULL_ANGLES,
    SPECIES,
    dotted_specimen,
    features,
    noise,
    reference_properties,
    searched,
    tilts_of,
)
from shares import peak_GB, shares, synchronised

from faket.data import TiltGeometry, TiltSeries, Volume
from faket.microscope import PRESET_ANGLES, PRESETS, draw_acquisition, expose
from faket.projection import project
from faket.reconstruction import reconstruct
from faket.style import StyleProfile, load_network, transfer_style

_RUNS = 3  # at toy size one is enough
_RECKONED = "“about”: a run was ended by the clock; its tilts so far stand for the rest."


class Enough(Exception):
    """The time is over; what was measured so far counts."""


def timed(
    what: str, call: Callable[[], Any], task: Task, part: Callable[[], Any] | None = None
) -> Row:
    """Time a call up to three times after a warm one; shares are those of ``part``."""
    start = time.monotonic()
    call()
    synchronised(task.device)
    first = time.monotonic() - start
    found, (seconds, peak) = shares(part or call, task.device), repeated(call, task, first)
    return {**entry(what, seconds, peak), "shares": found}


def repeated(call: Callable[[], Any], task: Task, expected: float) -> tuple[list[float], Any]:
    """Return the seconds of as many runs as there is time for, and the peak of memory."""
    seconds: list[float] = []
    with peak_GB(task.device) as peak:
        while not seconds or (len(seconds) < runs_of(task) and expected < task.left()):
            synchronised(task.device)
            start = time.monotonic()
            call()
            synchronised(task.device)
            seconds.append(time.monotonic() - start)
    return seconds, peak.value


def runs_of(task: Task) -> int:
    """Return the largest number of runs."""
    return 1 if task.small else _RUNS


def entry(what: str, seconds: list[float], peak: float | None) -> Row:
    """Return a row without shares."""
    runs = [round(value, 4) for value in seconds]
    return {"what": what, "seconds": statistics.median(seconds), "runs": runs, "peak_GB": peak}


def tilt_by_tilt(
    what: str, call: Callable[[Callable[..., None]], Any], tilts: int, task: Task, until: float
) -> Row:
    """Time a call that tells of every tilt; where the time is over, reckon the rest.

    Up to three whole runs, or one that is cut short at ``until``.
    """
    totals: list[float] = []
    reckoned = False
    with peak_GB(task.device) as peak:
        while len(totals) < runs_of(task):
            stamps = [time.monotonic()]

            def note(*_: Any) -> None:
                stamps.append(time.monotonic())  # noqa: B023
                if time.monotonic() > until and len(stamps) < tilts:  # noqa: B023
                    raise Enough

            try:
                call(note)
            except Enough:
                if not totals:
                    steps = np.diff(stamps)
                    rest = (tilts - len(steps)) * float(np.median(steps))
                    totals, reckoned = [stamps[-1] - stamps[0] + rest], True
                break
            totals.append(time.monotonic() - stamps[0])
            if time.monotonic() + totals[-1] > until:
                break
    row = entry(what, totals, peak.value)
    return {**row, "reckoned": True, "note": _RECKONED} if reckoned else row


def _style(task: Task, name: str, size: int, ways: dict[str, dict[str, Any]]) -> list[Row]:
    """Measure a style of three tilts, then give it to 61 in one or more ways."""
    size, tilts = (48, 2) if task.small else (size, 61)
    network = features(task.small) if name == "vgg19-random" else load_network(name)
    angles = np.linspace(-60, 60, tilts)
    content, initial = (tilts_of(size, tilts, seed=seed) for seed in (0, 1))
    style, fewer = tilts_of(size, 3, seed=2), {"style_angles_deg": [-60.0, 0.0, 60.0]}
    measure = partial(StyleProfile.measure, network=network, device=task.device)
    title = f"{tilts} × {size}², {name}"
    profile = measure(style, angles_deg=fewer["style_angles_deg"])
    rows = [timed(f"style of one tilt, {size}², {name}", lambda: measure(style[:1]), task)]
    for i, (way, options) in enumerate(ways.items()):
        give = partial(
            transfer_style, style=profile, network=network, device=task.device, **options
        )
        some = slice(max(1, 8 * 1024**2 // size**2))  # placing the network is not to weigh
        few = partial(give, content[some], initial[some], angles_deg=angles[some])
        few()
        found = shares(few, task.device)
        whole = partial(_with_progress, give, content, initial, angles)
        until = time.monotonic() + task.left() / (len(ways) - i)
        row = tilt_by_tilt(f"{title}{way}", whole, tilts, task, until)
        rows.append({**row, "shares": found})
    return rows


def _with_progress(
    give: Callable[..., Any], content: Any, initial: Any, angles: Any, note: Callable[..., None]
) -> Any:
    return give(content, initial, angles_deg=angles, progress=note)


def _vgg_ways(task: Task) -> dict[str, dict[str, Any]]:
    if task.device == "cpu":
        return {"": {}}
    return {
        "": {},
        ", 1 GB allowed": {"memory_limit": 10**9},
        ", float16": {"dtype": torch.float16},
    }


def style_vgg19_1024(task: Task) -> list[Row]:
    return _style(task, "vgg19-random", 1024, _vgg_ways(task))


def style_vgg19_3500(task: Task) -> list[Row]:
    return _style(task, "vgg19-random", 3500, dict(list(_vgg_ways(task).items())[:2]))


def style_texture_1024(task: Task) -> list[Row]:
    return _style(task, "texture", 1024, {"": {}})


def style_texture_3500(task: Task) -> list[Row]:
    return _style(task, "texture", 3500, {"": {}})


def spectral_1024(task: Task) -> list[Row]:
    return [_spectral(task, 1024)]


def spectral_3500(task: Task) -> list[Row]:
    return [_spectral(task, 3500)]


def _spectral(task: Task, size: int) -> Row:
    """Time the spectral method, the power of the specimen measured as for most references."""
    from faket.methods.spectral import spectral_images

    size, tilts = (48, 3) if task.small else (size, 61)
    angles = np.linspace(-60, 60, tilts)
    measured = replace(reference_properties().at(angles), contrast_power=None)
    projections = -200 * tilts_of(size, tilts, seed=0).clip(0)
    few = slice(0, 3)

    def call(chosen: slice = slice(None)) -> Any:
        return spectral_images(
            projections[chosen], measured.at(angles[chosen]), angles[chosen], seed=0,
            device=task.device,
        )  # fmt: skip

    return timed(f"{tilts} × {size}², spectral", call, task, partial(call, few))


def projection(task: Task) -> list[Row]:
    shape = (12, 32, 32) if task.small else (360, 1024, 1024)
    volume = noise(*shape)
    call = partial(project, volume, FULL_ANGLES, device=task.device)
    return [timed(f"project {shape} to 61 tilts", call, task)]


def reconstruction_full(task: Task) -> list[Row]:
    size, depth = (32, 6) if task.small else (1024, 180)
    series = TiltSeries(noise(61, size, size), TiltGeometry(FULL_ANGLES, 5.0))
    call = partial(reconstruct, series, depth=depth, binning=2, device=task.device)
    what = f"reconstruct 61 × {size}² to {size // 2} × {size // 2} × {depth}"
    return [timed(what, call, task)]


def training_step(task: Task) -> list[Row]:
    from faket.picking.networks import TrainingSettings
    from faket.picking.networks.learner import Learner

    rows = []
    for mixed in (True, False):
        settings = TrainingSettings(mixed_precision=mixed)
        if task.small:
            settings = replace(settings, patch=8, batch=2, width=0.25)
        n, side = settings.batch, settings.patch
        labels = np.random.default_rng(0).integers(0, 16, (n, side, side, side)).astype(np.uint8)
        batch, names = (noise(n, 1, side, side, side), labels), tuple(map(str, range(16)))
        learner = Learner.begin(names, 10.0, settings, 0, None, task.device)
        step = partial(learner.step, batch, settings, settings.learning_rate)
        torch.backends.cudnn.benchmark = True  # as in a training
        what = f"a step, {n} × {side}³, {'mixed precision' if mixed else 'TF32 convolutions'}"
        rows.append(timed(what, step, task))
    return rows


def segmentation_full(task: Task) -> list[Row]:
    from faket.picking.networks import build_network, segment

    shape = (16, 32, 32) if task.small else (180, 512, 512)
    network = build_network(16, width=0.25 if task.small else 1.0, seed=0)
    call = partial(segment, noise(*shape), network, device=task.device)
    return [timed(f"segment {shape} voxels", call, task)]


def matching_1000(task: Task) -> list[Row]:
    from faket.picking.template_matching import uniform_rotations

    shape, count = ((24, 40, 40), 2) if task.small else ((180, 512, 512), 1000)
    rotations = uniform_rotations(12.85)[:count]
    volume = noise(*shape)

    def call(chosen: Any) -> Any:
        return searched(volume, SPECIES, chosen, "sphere", task.device, 16.0)

    few = partial(call, rotations[:50])
    what = f"match {count} orientations, {shape} voxels"
    return [timed(what, partial(call, rotations), task, few)]


def physics(task: Task) -> list[Row]:
    specimen = dotted_specimen() if task.small else crowded_specimen(1024)
    slices, size, _ = specimen.class_mask.shape
    angles = np.array(PRESET_ANGLES["shrec21"])[:: 30 if task.small else 1]
    few = replace(
        specimen,
        potential=Volume(specimen.potential.data[:8, :64, :64].copy(), 5.0),
        class_mask=specimen.class_mask[:8, :64, :64].copy(),
    )
    rows = []
    for name, thickness_A in (("50 Å", 50.0), ("automatic thickness", 0.0)):
        microscope = replace(PRESETS["shrec21"], slice_thickness_A=thickness_A)

        def record(chosen: Any, microscope: Any = microscope) -> Any:
            return draw_acquisition(microscope, TiltGeometry(np.array(chosen), 5.0), seed=0)

        expose(few, record([0.0]), device=task.device)
        one = partial(expose, specimen, record([30.0]), device=task.device)
        one()
        found = shares(one, task.device)
        taken = partial(_exposed, specimen, record(angles), task.device)
        until = time.monotonic() + task.left() / (2 - len(rows))
        what = f"physics, {len(angles)} × {size}² from {slices} slices, of {name} each"
        row = tilt_by_tilt(what, taken, len(angles), task, until)
        rows.append({**row, "shares": found})
    return rows


def _exposed(specimen: Any, record: Any, device: Any, note: Callable[..., None]) -> Any:
    return expose(specimen, record, device=device, progress=note)
