"""Every CUDA path against the CPU's result on small inputs, with the tolerances of the tests.

Each function returns rows: what was compared, the difference found and the largest allowed.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from child import Row, Task
from inputs import (
    ANGLES,
    SPECIES,
    cut_into,
    dotted_specimen,
    features,
    noise,
    reference_properties,
    searched,
    shaken_series,
    walks,
)

from faket.microscope import PRESETS, draw_acquisition, expose
from faket.projection import back_project, project
from faket.projection.gpu import back_project_torch, project_torch
from faket.reconstruction import reconstruct
from faket.style import StyleProfile, load_network, transfer_style
from faket.style.vgg.engine import prepare

_GRIDS = {"whole": (1, 1), "in tiles": (2, 2)}
FEW = 0.02  # of the pixels: where a gradient is near 0 its sign is a toss


def row(what: str, found: float, allowed: float) -> Row:
    """Return a comparison; NaN never agrees."""
    found = float(found)
    return {"what": what, "found": found, "allowed": allowed, "agrees": bool(found <= allowed)}


def worst(found: Any, expected: Any) -> float:
    """Return the largest difference of two arrays."""
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max())


def of_sigma(found: Any, expected: Any) -> float:
    """Return the largest difference of two images, over their standard deviation."""
    return worst(found, expected) / float(np.std(expected))


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the norm of the difference over that of the expected."""
    found, expected = found.double().cpu(), expected.double().cpu()
    return float((found - expected).norm() / expected.norm())


def projector(task: Task) -> list[Row]:
    volume = noise(10, 6, 21)
    stack = project(volume, ANGLES, width=18, device="cpu")
    found = project_torch(volume, ANGLES, 18, task.device)
    again = project_torch(volume, ANGLES, 18, task.device)
    back = back_project(stack, ANGLES, depth=10, width=21, device="cpu")
    found_back = back_project_torch(stack, ANGLES, 10, 21, task.device)
    left, right = (float(np.vdot(*p)) for p in ((found, stack), (volume, found_back)))
    return [
        row("projector, largest difference", worst(found, stack), 1e-5),
        row("projector, the same again (pixels that are not)", np.sum(found != again), 0),
        row("adjoint, largest difference", worst(found_back, back), 1e-4),
        row("adjoint, inner products, relative", abs(left / right - 1), 1e-5),
    ]


def alignment_and_binning(_: Task) -> list[Row]:
    return [{"what": "alignment and binning of tilts: numpy and scipy only", "cpu_only": True}]


def spectral_images(task: Task) -> list[Row]:
    """With and without what a reference's own projections tell; without, gold is left out."""
    from faket.methods.spectral import spectral_images as make

    projections = -200 * walks(3, 96, 120, seed=3).clip(0)
    projections[:, 30:44, 50:64] -= 20000
    rows = []
    for name, power in (("known", np.zeros((3, 64))), ("measured", None)):
        measured = replace(reference_properties(), contrast_power=power)
        cpu, found = (
            make(projections, measured, ANGLES[:3], seed=1, device=device)
            for device in ("cpu", task.device)
        )
        rows.append(row(f"spectral images, power {name}, of σ", of_sigma(found, cpu), 1e-3))
    return rows


def added_noise(task: Task) -> list[Row]:
    from faket.noise import add_noise, estimate_noise

    profile = estimate_noise(40 + walks(3, 80, seed=5), angles_deg=ANGLES[:3])
    rows = []
    for colour in ("white", "reference"):
        cpu, found = (
            add_noise(walks(3, 96, seed=6), profile, seed=1, spectrum=colour, device=device)
            for device in ("cpu", task.device)
        )
        rows.append(row(f"noise, spectrum {colour}, of σ", of_sigma(found, cpu), 1e-4))
    return rows


def reconstruction(task: Task) -> list[Row]:
    series = shaken_series(noise(9, 32, 40))
    rows = []
    for name in ("ramp", "shrec"):
        cpu, found = (
            reconstruct(series, depth=12, binning=2, filter=name, device=device).data
            for device in ("cpu", task.device)
        )
        rows.append(row(f"reconstruction, {name} filter", worst(found, cpu), 1e-4))
    return rows


def multislice(task: Task) -> list[Row]:
    """Without ice and counts: the wave itself."""
    microscope = replace(PRESETS["shrec21"], ice=False, slice_thickness_A=20.0)
    kept = _exposed(task, microscope, ["potential", "exit_wave", "intensity"])
    scale = np.abs(kept[0]["potential"]).max()
    return [
        row("projected potential, relative", worst(*_both(kept, "potential")) / scale, 1e-5),
        row("exit wave", worst(*_both(kept, "exit_wave")), 1e-4),
        row("intensity on the detector", worst(*_both(kept, "intensity")), 1e-4),
    ]


def ice_and_detector(task: Task) -> list[Row]:
    microscope = replace(
        PRESETS["shrec21"], slice_thickness_A=20.0, tilt_axis_deg=(84.0, 84.0), detector="K2"
    )
    kept = _exposed(task, microscope, ["intensity", "counts"])
    images = [exposed["images"].ravel() for exposed in kept]
    other = np.mean(kept[0]["counts"] != kept[1]["counts"])
    return [
        row("intensity with ice, tilt axis at 84°", worst(*_both(kept, "intensity")), 1e-4),
        row("electrons, part of the pixels that differ", other, 0.01),
        row("images, 1 - correlation", 1 - np.corrcoef(*images)[0, 1], 0.01),
    ]


def _exposed(task: Task, microscope: Any, keep: list[Any]) -> list[dict[str, Any]]:
    specimen, series = dotted_specimen(), shaken_series(noise(5, 4, 4))
    record = draw_acquisition(microscope, series.geometry, seed=1)
    found = []
    for device in (task.device, "cpu"):
        exposure = expose(specimen, record, device=device, keep=keep)
        found.append({**exposure.stages, "images": exposure.series.images})
    return found


def _both(kept: list[dict[str, Any]], name: str) -> tuple[Any, Any]:
    return kept[0][name], kept[1][name]


def profile(task: Task) -> list[Row]:
    """Gram matrices, over the largest entry of each."""
    rows = []
    style = walks(2, 48 if task.small else 160, seed=3)
    for name, network in (("VGG19", features(task.small)), ("texture", load_network("texture"))):
        found, cpu = (
            StyleProfile.measure(style, network=network, device=d) for d in (task.device, "cpu")
        )
        most = max(worst(found.grams[k], cpu.grams[k]) / cpu.grams[k].max() for k in cpu.grams)
        rows.append(row(f"style profile by {name}", most, 1e-5))
    return rows


def vgg19(task: Task) -> list[Row]:
    network, stacks = features(task.small), [walks(1, 48, seed=i) for i in range(3)]
    found, cpu = (_styled(stacks, network, d, torch.float64) for d in (task.device, "cpu"))
    rows = [row("VGG19 in float64, of σ", worst(found, cpu) / stacks[2].std(), 1e-4)]
    stacks = [walks(1, 48 if task.small else 320, seed=i) for i in range(3)]
    cpu = _styled(stacks, network, "cpu")
    for what, grid in _GRIDS.items():
        with cut_into(grid):
            found = _styled(stacks, network, task.device)
        differ = np.mean(np.abs(found - cpu) > 1e-3 * cpu.std())
        rows.append(row(f"VGG19, {what}, part of the pixels that differ", differ, FEW))
    return rows


def _styled(stacks: Any, network: Any, device: Any, dtype: Any = torch.float32) -> Any:
    return transfer_style(*stacks, network=network, device=device, dtype=dtype)


def vgg19_half(task: Task) -> list[Row]:
    """The gradient of the loss with convolutions in half precision, whole and in tiles."""
    network, size = features(task.small), (40, 48) if task.small else (320, 288)
    start, content = (torch.from_numpy(walks(1, *size, seed=i)) for i in (1, 2))
    start, content = ((t - t.min()) / (t.max() - t.min()) for t in (start, content))
    style = StyleProfile.measure(walks(1, *size, seed=3), network=network, device="cpu")

    def gradient(device: str, dtype: torch.dtype) -> torch.Tensor:
        machine = prepare(network, size, device, dtype, content=True, memory_limit=10**10)
        targets = {k: torch.from_numpy(g[0]).double().to(device) for k, g in style.grams.items()}
        first, other = start.to(device), content.to(device)
        with torch.no_grad():
            bands = machine.gradient(
                lambda rows, columns: first[:, rows, columns],
                lambda rows, columns: other[:, rows, columns],
                targets,
            )
            return torch.cat([band.cpu().clone() for _, band in bands], dim=1)

    full, rows = gradient("cpu", torch.float32), []
    for dtype, allowed, signs in ((torch.float16, 0.1, 0.03), (torch.bfloat16, 0.3, 0.1)):
        for what, grid in _GRIDS.items():
            with cut_into(grid):
                found = gradient(task.device, dtype)
            name = f"VGG19's gradient in {str(dtype).removeprefix('torch.')}, {what}"
            wrong = float((found.sign() != full.sign()).double().mean())
            rows.append(row(name, relative(found, full), allowed))
            rows.append(row(f"{name}, wrong signs", wrong, signs))
    return rows


def texture(task: Task) -> list[Row]:
    side = 48 if task.small else 160
    network, stacks = load_network("texture"), [walks(1, side, seed=i) for i in range(3)]
    sigma, rows = stacks[2].std(), []
    for dtype, allowed in ((torch.float64, 1e-4), (torch.float32, 1e-2)):
        found, cpu = (_styled(stacks, network, d, dtype) for d in (task.device, "cpu"))
        name = f"texture in {str(dtype).removeprefix('torch.')}, of σ"
        rows.append(row(name, worst(found, cpu) / sigma, allowed))
    return rows


def deepfinder_step(task: Task) -> list[Row]:
    """Loss and gradient of one step: in float32 without TF32, and in mixed precision."""
    from faket.picking.networks import TrainingSettings
    from faket.picking.networks.learner import Learner

    rng, (n, side) = np.random.default_rng(0), (2, 8) if task.small else (4, 24)
    labels = rng.integers(0, 5, (n, side, side, side)).astype(np.uint8)
    batch = noise(n, 1, side, side, side), labels

    def step(device: str, mixed: bool) -> tuple[float, torch.Tensor]:
        settings = TrainingSettings(width=0.5, cross_entropy=1.0, mixed_precision=mixed)
        learner = Learner.begin(tuple("abcde"), 10.0, settings, 0, None, device)
        loss = learner.step(batch, settings, 1e-4)
        parts = [p.grad.detach().double().cpu().ravel() for p in learner.network.parameters()]
        return loss, torch.cat(parts) / learner.scaler.get_scale()

    loss, gradient = step("cpu", False)
    rows = []
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        found = step(task.device, False)
    rows.append(row("DeepFinder's loss, relative", abs(found[0] / loss - 1), 1e-5))
    rows.append(row("DeepFinder's gradient, relative", relative(found[1], gradient), 1e-3))
    found = step(task.device, True)
    rows.append(row("DeepFinder's loss, mixed precision", abs(found[0] / loss - 1), 0.01))
    rows.append(row("DeepFinder's gradient, mixed", relative(found[1], gradient), 0.1))
    return rows


def segmentation(task: Task) -> list[Row]:
    from faket.picking.networks import build_network, segment

    volume = noise(16, 24, 40) if task.small else noise(48, 56, 64)

    def labelled(device: str, mixed: bool) -> Any:
        network = build_network(5, width=0.5, seed=0)
        return segment(volume, network, tile=32, margin=8, mixed_precision=mixed, device=device)

    cpu = labelled("cpu", False)
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        full = labelled(task.device, False)
    mixed = labelled(task.device, True)
    return [
        row("segmentation, scores", worst(full.scores, cpu.scores), 1e-4),
        row("segmentation, other labels", np.mean(full.labels != cpu.labels), 1e-3),
        row("segmentation, scores, mixed precision", worst(mixed.scores, cpu.scores), 0.05),
        row("segmentation, other labels, mixed", np.mean(mixed.labels != cpu.labels), 0.05),
    ]


def template_matching(task: Task) -> list[Row]:
    from faket.picking.template_matching import uniform_rotations

    rotations, rows = uniform_rotations(40.0)[: 2 if task.small else 24], []
    for mask in ("sphere", "shape"):
        found, cpu = (
            searched(noise(40, 48, 44), SPECIES, rotations, mask, device, 0.004)
            for device in (task.device, "cpu")
        )
        other = np.mean(found.orientations != cpu.orientations)
        rows.append(row(f"matching, {mask}: scores", worst(found.scores, cpu.scores), 1e-3))
        rows.append(row(f"matching, {mask}: other orientations", other, 1e-3))
    return rows
