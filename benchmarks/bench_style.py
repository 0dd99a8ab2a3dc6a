"""Style transfer of one tilt: seconds and peak memory, against the plain way, in one run.

The plain way is the published one written down directly: torch's own layers, activations and
pooling as they come, Gram matrices by autograd, the style measured again for every tilt.
Each runs in a process of its own, so that peak memory is its own. Weights are random: they cost
what trained ones cost.

Run: python benchmarks/bench_style.py [size]   (default 1024)
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

STYLE_INDICES = {1: 256, 6: 64, 11: 16, 20: 4, 29: 1}
CONTENT_INDEX = 8


def stacks(size: int) -> list[Any]:
    rng = np.random.default_rng(0)
    clean = np.cumsum(rng.standard_normal((1, size, size)), axis=2) / 10
    noises = rng.standard_normal((2, 1, size, size))
    content, initial = clean + 0.25 * noises[0], clean + noises[0]
    return [s.astype(np.float32) for s in (content, initial, np.roll(clean, 99) + noises[1])]


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


def ours(size: int) -> tuple[list[float], float, Any]:
    network, (content, initial, style) = load_network("vgg19-random"), stacks(size)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # its import is not to be timed
    start = time.perf_counter()
    profile = StyleProfile.measure(style, network=network, device="cpu")
    measured = time.perf_counter()
    out = transfer_style(content, initial, profile, network=network, device="cpu")
    return [time.perf_counter() - measured, measured - start], peak_GB(), out


def plain(size: int) -> tuple[list[float], float, Any]:
    network, (content, initial, style) = load_network("vgg19-random"), stacks(size)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    start = time.perf_counter()
    out = plain_transfer(content, initial, style, network)
    return [time.perf_counter() - start], peak_GB(), out


def peak_GB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(size: int) -> None:
    results = []
    for method in (plain, ours):
        # One process each, started afresh.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(method, (size,)))
    ((t_plain,), m_plain, out_plain), ((t_ours, t_style), m_ours, out_ours) = results
    print(f"one tilt of {size}², {torch.get_num_threads()} threads, vgg19-random")
    print(f"plain                    {t_plain:6.2f} s  {m_plain:5.2f} GB peak")
    print(f"transfer_style           {t_ours:6.2f} s  {m_ours:5.2f} GB peak")
    print(f"StyleProfile.measure     {t_style:6.2f} s  once a reference")
    print(
        f"ratio: {t_plain / t_ours:.2f} in time with the style measured before, "
        f"{t_plain / (t_ours + t_style):.2f} with measuring it; {m_plain / m_ours:.2f} in memory"
    )
    difference = np.abs(out_ours - out_plain).std() / out_plain.std()
    print(f"results differ by {difference:.1e} of their standard deviation (float32)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
