"""Style transfer of a tilt: seconds and peak memory, against the plain way, in one run.

The plain way is the published one written down directly: torch's own layers, activations and
pooling as they come, Gram matrices by autograd, the style measured again for every tilt.
Each runs in a process of its own, so that peak memory is its own. VGG19's weights are random: they
cost what trained ones cost. The ``texture`` network does its six iterations. CPU seconds are of all
threads: other programs disturb them less.

Run: python benchmarks/bench_style.py [size ...]   (default 512 1024 2048 4096)
The plain way is run up to 1024: it takes 3.7 GB there, and 4 times as much for each doubling.
"""

import multiprocessing
import resource
import sys
import time
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from faket.style import FeatureNetwork, StyleProfile, load_network, transfer_style
from faket.style.vgg.engine import prepare
from faket.style.vgg.memory import default_limit, footprint

NetworkName = Literal["texture", "vgg19", "vgg19-random"]
STYLE_INDICES = {1: 256, 6: 64, 11: 16, 20: 4, 29: 1}
CONTENT_INDEX = 8
LARGEST_PLAIN = 1024


def stacks(size: int) -> list[Any]:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.standard_normal((1, size, size)), axis=2) / 10
    noises = rng.standard_normal((2, 1, size, size))
    content, initial = smooth + 0.25 * noises[0], smooth + noises[0]
    return [s.astype(np.float32) for s in (content, initial, np.roll(smooth, 99) + noises[1])]


def plain_layers(network: FeatureNetwork) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for block in network.blocks:
        for weight, bias in block:
            mode: Literal["replicate", "zeros"] = "replicate" if not layers else "zeros"
            conv = torch.nn.Conv2d(
                weight.shape[1], weight.shape[0], 3, padding=1, padding_mode=mode
            )
            conv.load_state_dict({"weight": weight, "bias": bias})
            layers += [conv, torch.nn.ReLU(inplace=True)]
        layers.append(torch.nn.MaxPool2d(2))
    return torch.nn.Sequential(*layers).requires_grad_(False)


def plain_features(layers: torch.nn.Sequential, image: Tensor, wanted: list[int]) -> Any:
    mean, sigma = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    x, found = (image - mean) / sigma, {}
    for index in range(max(wanted) + 1):
        x = layers[index](x)
        if index in wanted:
            found[index] = x
    return found


def plain_gram(features: Tensor) -> Tensor:
    flat = features.flatten(-2)
    return flat @ flat.transpose(-2, -1) / flat.shape[-1]


def plain_difference(a: Tensor, b: Tensor) -> Tensor:
    d = a - b
    return d.pow(2).sum() / (d.abs().sum() + 1e-8)


def plain_transfer(content: Any, initial: Any, style: Any, network: FeatureNetwork) -> Any:
    def scaled(stack: Any) -> Tensor:
        unit = (stack - stack.min()) / (stack.max() - stack.min())
        return torch.from_numpy(unit)[:, None].repeat(1, 3, 1, 1)

    layers, indices = plain_layers(network), list(STYLE_INDICES)
    content_target = plain_features(layers, scaled(content), [CONTENT_INDEX])[CONTENT_INDEX]
    styles = plain_features(layers, scaled(style), indices)
    grams = {index: plain_gram(styles[index]) for index in indices}
    del styles
    image = scaled(initial).requires_grad_()
    adam = torch.optim.Adam([image], lr=0.15)
    average = 0.99 * 0.01 * image.detach()
    found = plain_features(layers, image, [*indices, CONTENT_INDEX])
    loss = plain_difference(found[CONTENT_INDEX], content_target)
    for index, weight in STYLE_INDICES.items():
        loss = loss + weight / 341 * plain_difference(plain_gram(found[index]), grams[index])
    (image.grad,) = torch.autograd.grad(loss, image)
    adam.step()
    out = (average + 0.01 * image.detach().clamp(0, 1)) / (1 - 0.99**2)
    out = out.mean(1)
    return ((out - out.mean()) / out.std() * style.std() + style.mean()).numpy()


def timed(function: Any) -> tuple[list[float], Any]:
    """Return seconds, CPU seconds, MB of memory above what was taken before, and the result."""
    before = resident_bytes()
    clocks = time.perf_counter(), time.process_time()
    result = function()
    seconds = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
    return [*seconds, (peak_bytes() - before) / 1e6], result


def ours(name: NetworkName, size: int) -> tuple[list[list[float]], float, Any]:
    network, images = load_network(name), stacks(size)
    # Imports, and kernels compiled or read from the disk, are not to be timed.
    transfer_style(*stacks(64), network=network, device="cpu")
    content, initial, style = images
    by_style, profile = timed(lambda: StyleProfile.measure(style, network=network, device="cpu"))
    by_transfer, out = timed(
        lambda: transfer_style(content, initial, profile, network=network, device="cpu")
    )
    return [by_transfer, by_style], peak_bytes() / 1e9, out


def plain(_: str, size: int) -> tuple[list[list[float]], float, Any]:
    network, images = load_network("vgg19-random"), stacks(size)
    content, initial, style = stacks(64)
    plain_transfer(content, initial, style, network)
    content, initial, style = images
    figures, out = timed(lambda: plain_transfer(content, initial, style, network))
    return [figures], peak_bytes() / 1e9, out


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tiles_and_count(size: int) -> tuple[str, float]:
    """Return the tiles and the MB that are counted for them beforehand."""
    engine = prepare(
        load_network("vgg19-random"),
        (size, size),
        "cpu",
        torch.float32,
        content=True,
        memory_limit=default_limit("cpu"),
    )
    network = engine.network
    need = footprint(engine.layers, network.style_weights, network.content_weights)
    reads = [t.reads(engine.layers.plan[0]) for row in engine.tiles for t in row]
    largest = max((y.stop - y.start) * (x.stop - x.start) for y, x in reads)
    tiles = f"{len(engine.tiles)} x {len(engine.tiles[0])} tiles"
    return tiles, (need.always + need.per_pixel * largest) / 1e6


def run(method: Any, size: int, network: str = "vgg19-random") -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # a process started afresh
        return pool.apply(method, (network, size))


def main(sizes: list[int]) -> None:
    print(f"one tilt, {torch.get_num_threads()} threads; VGG19 with random weights")
    print("                         seconds  CPU s  MB above before  GB in all")
    for size in sizes:
        tiles, counted = tiles_and_count(size)
        print(f"{size}²: VGG19 in {tiles}, {counted:.0f} MB counted")
        found = {name: run(ours, size, name) for name in ("vgg19-random", "texture")}
        for name, ((transfer, style), peak, _) in found.items():
            show(f"{name} transfer", transfer, peak)
            show(f"{name} profile", style)
        if size <= LARGEST_PLAIN:
            (figures,), peak, expected = run(plain, size)
            show("vgg19-random, plain", figures, peak)
            for name, (ours_figures, _, _) in found.items():
                compare(name, ours_figures[0], ours_figures[1], figures)
            agreement(found["vgg19-random"][2], expected)


def show(name: str, figures: list[float], peak: float | None = None) -> None:
    seconds, cpu, mb = figures
    total = "" if peak is None else f"{peak:9.2f}"
    print(f"  {name:22s} {seconds:7.2f} {cpu:6.1f} {mb:16.0f} {total}", flush=True)


def compare(name: str, transfer: list[float], style: list[float], plain: list[float]) -> None:
    once, again = plain[0] / transfer[0], plain[0] / (transfer[0] + style[0])
    cpu_once, cpu_again = plain[1] / transfer[1], plain[1] / (transfer[1] + style[1])
    print(f"  plain takes {once:.2f} x the time of {name} ({cpu_once:.2f} x the CPU time) with the")
    print(f"  style measured before, {again:.2f} x ({cpu_again:.2f} x) with measuring it")


def agreement(out: Any, expected: Any) -> None:
    difference = np.abs(out - expected)
    print(
        f"  VGG19's results differ by {difference.std() / expected.std():.1e} of σ, "
        f"in {np.mean(difference > 1e-3 * expected.std()):.1e} of the pixels by more than 1e-3 σ"
    )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [512, 1024, 2048, 4096])
