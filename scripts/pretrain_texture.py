"""Make the weights of the ``texture`` network (src/faket/style/texture.safetensors).

    python scripts/pretrain_texture.py --scratch FOLDER --out texture.safetensors

draws microscopes and specimens (``texture_data.py``; kept in FOLDER, so that a run that was cut
off goes on), trains the filters, measures the curvature that the step rule needs, and writes the
weights. One seed decides everything. ``--objective`` chooses how the filters are found:

- ``contrastive``: Gram statistics of two specimens under one microscope shall be nearer to each
  other than to those of other microscopes (InfoNCE; Oord et al., arXiv 1807.03748);
- ``regression``: a linear function of the Gram statistics predicts defocus, dose, pixel size,
  path length, detector and colour of the noise;
- ``denoising``: a linear function of the features predicts the noiseless projection;
- ``designed``: no training, the start of all others;
- ``random``: no training, random filters.

``--learn deep`` trains the filters that see the level before, ``--learn all`` the band-pass
filters as well. docs/texture-network.md tells how each did.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from texture_data import Condition, as_numbers, training_images
from torch import Tensor

from faket.seeds import generator
from faket.style.texture.network import (
    KERNEL,
    LEVELS,
    Blocks,
    activations,
    channels,
    convolution_shapes,
    entries,
)
from faket.style.texture.update import gram_entries, gram_scale

OBJECTIVES = ("contrastive", "regression", "denoising", "designed", "random")
TAIL = 1.5  # threshold of a point channel, in σ
CROP = 128
BATCH = 12
CURVATURE_CROPS = 8
LEARNING_RATE = 3e-3
HELD_OUT = 6  # every sixth condition is kept for validation

Network = list[list[tuple[Tensor, Tensor]]]


def initial_network(seed: int, designed: bool) -> Network:
    """Return the start: signs and thresholds, band-pass filters (or random ones), random ones."""
    rng = torch.Generator().manual_seed(seed)
    network: Network = []
    for level in convolution_shapes():
        points, filters, *deep = (torch.zeros(shape) for _, shape in level)
        points[:, 0, 0, 0] = torch.tensor([1.0, -1.0, 1.0, -1.0])[: len(points)]
        threshold = torch.tensor([0.0, 0.0, -TAIL, -TAIL])[: len(points)]
        noise = torch.randn(filters.shape, generator=rng)
        filters += _band_filters()[:, None] if designed else noise
        filters -= filters.mean((2, 3), keepdim=True)
        pairs = [(points, threshold), (filters, torch.zeros(len(filters)))]
        for weight in deep:
            weight += torch.randn(weight.shape, generator=rng) / math.sqrt(weight[0].numel())
            weight -= weight.mean((1, 2, 3), keepdim=True)
            weight[:, 0] = 0
            pairs.append((weight, torch.zeros(len(weight))))
        network.append(pairs)
    return network


def _band_filters() -> Tensor:
    """Return four rings and four directions of spatial frequency, as 7 × 7 filters."""
    y, x = torch.meshgrid(*[torch.arange(KERNEL) - KERNEL // 2] * 2, indexing="ij")
    window = torch.exp(-(y**2 + x**2) / (2 * 1.7**2))
    rings = [torch.special.bessel_j0(2 * math.pi * k * torch.hypot(y.float(), x.float()))
             for k in (0.12, 0.22, 0.32, 0.42)]  # fmt: skip
    waves = [torch.cos(2 * math.pi * 0.27 * (x * math.cos(a) + y * math.sin(a)))
             for a in (0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)]  # fmt: skip
    return torch.stack(rings + waves) * window


@torch.no_grad()
def normalise(network: Network, images: Tensor) -> None:
    """Scale filters so that every channel has mean square 1 over the images."""
    for b, level in enumerate(network, start=1):
        found = dict(activations(images, network))[f"level{b}"]
        roots = found.square().mean((0, 2, 3)).sqrt().clamp_min(1e-3)[1:]  # without the constant
        parts = roots.split([len(bias) for _, bias in level])
        for (weight, bias), root in zip(level, parts, strict=True):
            weight /= root[:, None, None, None]
            bias /= root


def grams(network: Blocks, images: Tensor) -> dict[str, Tensor]:
    """Return the Gram matrices [n, c, c] of every level of images [n, 1, y, x]."""
    out = {}
    for name, found in activations(images, network):
        flat = found.flatten(2)
        out[name] = flat @ flat.transpose(1, 2) / flat.shape[2]
    return out


def description(network: Blocks, images: Tensor) -> Tensor:
    """Return [n, entries]: logarithms of mean squares, and cosines between channels."""
    parts = {}
    for name, gram in grams(network, images).items():
        cosine = gram / gram_scale(gram)
        logarithm = gram.diagonal(dim1=1, dim2=2).clamp_min(1e-8).log()
        parts[name] = (
            cosine
            - torch.diag_embed(cosine.diagonal(dim1=1, dim2=2))
            + (torch.diag_embed(logarithm))
        )
    return gram_entries(parts)


class Images:
    """Training images in memory, and batches of crops."""

    def __init__(self, seed: int, count: int, folder: Path) -> None:
        """Make or read them."""
        folder.mkdir(parents=True, exist_ok=True)
        pairs = training_images(seed, count, folder)
        self.conditions: list[Condition] = [condition for condition, _ in pairs]
        self.images = np.stack([images for _, images in pairs])  # [condition, 2, 2, tilt, y, x]
        self.held_out = np.arange(count) % HELD_OUT == HELD_OUT - 1
        numbers = [[as_numbers(c, tilt) for tilt in range(4)] for c in self.conditions]
        self.numbers = torch.tensor([[list(n.values()) for n in row] for row in numbers])
        self.names = tuple(numbers[0][0])

    def batch(
        self, rng: np.random.Generator, n: int, size: int = CROP, held_out: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return crops and noiseless crops [2 n, 1, y, x], and the numbers [2 n, targets].

        Entries i and n + i are two specimens under one microscope at one tilt.
        """
        where = np.flatnonzero(self.held_out == held_out)
        chosen = rng.choice(where, n, replace=n > len(where))
        tilts = rng.integers(self.images.shape[3], size=n)
        crops, noise_free = [], []
        for specimen in range(2):
            for condition, tilt in zip(chosen, tilts, strict=True):
                y, x = rng.integers(self.images.shape[-1] - size + 1, size=2)
                both = self.images[condition, specimen, :, tilt, y : y + size, x : x + size]
                crops.append(both[0])
                noise_free.append(both[1])
        numbers = self.numbers[chosen, tilts].repeat(2, 1)
        return _tensor(crops), _tensor(noise_free), numbers


def _tensor(crops: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(crops))[:, None]


def train(
    network: Network, images: Images, objective: str, steps: int, seed: int, learn: str
) -> Iterator[tuple[int, float]]:
    """Train filters in place, ``learn`` says which; yield step and loss."""
    rng = generator(seed, "training", objective)
    first = 1 if learn == "all" else 2  # points, filters, deep
    pairs = [pair for level in network for pair in level[first:]]
    learned = [tensor.requires_grad_() for pair in pairs for tensor in pair]
    head = _head(objective, seed)
    adam = torch.optim.Adam([*learned, *head], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, LEARNING_RATE, total_steps=steps)
    spread = torch.ones(1)
    for step in range(steps):
        crops, noise_free, numbers = images.batch(rng, BATCH)
        if objective == "denoising":
            loss = denoising_loss(network, crops, noise_free, head)
        else:
            found = description(network, crops)
            first, second = found[:BATCH], found[BATCH:]
            within = (first - second).detach().square().mean(0).sqrt() / math.sqrt(2)
            spread = within if step == 0 else 0.95 * spread + 0.05 * within
            scaled = found / (spread + 0.01)
            loss = (
                contrastive_loss(scaled[:BATCH], scaled[BATCH:], head[0])
                if objective == "contrastive"
                else regression_loss(scaled, _standard(numbers, images.numbers), head)
            )
        adam.zero_grad()
        loss.backward()
        _freeze(network)
        adam.step()
        schedule.step()
        yield step, float(loss.detach())
    for tensor in learned:
        tensor.requires_grad_(False)


def _head(objective: str, seed: int) -> list[Tensor]:
    """Return what is trained beside the network and thrown away."""
    rng = torch.Generator().manual_seed(seed + 1)
    if objective == "contrastive":
        return [torch.tensor(0.0, requires_grad=True)]
    if objective == "regression":
        weight = torch.randn((entries(), 11), generator=rng) * 0.1 / math.sqrt(entries())
        return [weight.requires_grad_(), torch.zeros(11, requires_grad=True)]
    features = sum(channels(level) for level in range(1, LEVELS + 1))
    return [(torch.randn((1, features, 1, 1), generator=rng) * 0.02).requires_grad_()]


def contrastive_loss(first: Tensor, second: Tensor, log_scale: Tensor) -> Tensor:
    """Return InfoNCE, both ways, of minus the mean squared distance of descriptions [n, e]."""
    distance = (first[:, None] - second).square().mean(2)
    logits = -distance * log_scale.exp()
    target = torch.arange(len(first))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def regression_loss(found: Tensor, wanted: Tensor, head: list[Tensor]) -> Tensor:
    """Return the mean squared error of a linear prediction of the standardised numbers."""
    return F.mse_loss((found - found.mean(0)) @ head[0] + head[1], wanted)


def denoising_loss(
    network: Network, crops: Tensor, noise_free: Tensor, head: list[Tensor]
) -> Tensor:
    """Return the mean squared error of the noiseless projection as a sum of all features."""
    predicted, start = torch.zeros_like(crops), 0
    for _, found in activations(crops, network):
        stop = start + found.shape[1]
        part = F.conv2d(found, head[0][:, start:stop])
        predicted = predicted + F.interpolate(part, crops.shape[2:], mode="bilinear")
        start = stop
    return F.mse_loss(predicted - predicted.mean((2, 3), keepdim=True), noise_free)


def _freeze(network: Network) -> None:
    """Clear the gradients of what would read the constant."""
    for level in network:
        for weight, _ in level[2:]:
            weight.grad[:, 0] = 0


def _standard(numbers: Tensor, everything: Tensor) -> Tensor:
    flat = everything.flatten(0, 1)
    return (numbers - flat.mean(0)) / flat.std(0).clamp_min(1e-6)


@torch.no_grad()
def retrieval(network: Network, images: Images, seed: int) -> float:
    """Return how often, among held-out microscopes, the nearest description is the right one."""
    rng, right = generator(seed, "retrieval"), []
    n = int(images.held_out.sum())
    for _ in range(8):
        crops, _, _ = images.batch(rng, n, held_out=True)
        found = description(network, crops)
        first, second = found[:n], found[n:]
        spread = (first - second).square().mean(0).sqrt() + 0.01
        distance = ((first[:, None] - second) / spread).square().mean(2)
        right.append((distance.argmin(1) == torch.arange(n)).double().mean())
    return float(torch.stack(right).mean())


def curvature(network: Network, crops: Tensor) -> Tensor:
    """Return the mean over crops of N J Jᵀ, J the Gram entries' derivative by the N pixels.

    Entries are divided by the root of their own scale; see :mod:`faket.style.texture.update`.
    """
    pixels = crops[0].numel()
    total = torch.zeros(())
    for crop in crops.split(1):
        image = crop.clone().requires_grad_()
        found = {n: g / gram_scale(g).detach().sqrt() for n, g in grams(network, image).items()}
        values = gram_entries(found)[0]
        rows = [
            torch.autograd.grad(value, image, retain_graph=True)[0].flatten() for value in values
        ]
        jacobian = torch.stack(rows)  # [entry, pixel]
        total = total + (jacobian @ jacobian.T).double() * pixels
    return total / len(crops)


def make_weights(
    objective: str, learn: str, seed: int, steps: int, images: Images
) -> dict[str, Tensor]:
    """Return all tensors of the weights file, and print the record."""
    torch.manual_seed(seed)
    started = said = time.perf_counter()
    network = initial_network(seed, designed=objective != "random")
    sample, _, _ = images.batch(generator(seed, "scale"), 24, size=256)
    normalise(network, sample)
    if objective not in ("designed", "random"):
        for step, loss in train(network, images, objective, steps, seed, learn):
            now = time.perf_counter()
            if now - said >= 30 or step == steps - 1:
                said = now
                print(f"step {step}: loss {loss:.4f}, {now - started:.0f} s", flush=True)
    normalise(network, sample)
    print(f"{objective}: held-out microscopes distinguished {retrieval(network, images, seed):.3f}")
    crops, _, _ = images.batch(generator(seed, "curvature"), CURVATURE_CROPS // 2, size=CROP)
    found = curvature(network, crops)
    out = {"curvature": found[tuple(torch.triu_indices(*found.shape))].float()}
    for level, named in zip(network, convolution_shapes(), strict=True):
        for (weight, bias), (name, _) in zip(level, named, strict=True):
            out[f"{name}.weight"], out[f"{name}.bias"] = weight.detach(), bias.detach()
    print(f"{objective}: done after {time.perf_counter() - started:.0f} s", flush=True)
    return {name: tensor.contiguous() for name, tensor in out.items()}


def main() -> None:
    """Read the command line and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scratch", type=Path, required=True, help="folder of training images")
    parser.add_argument("--out", type=Path, required=True, help="the weights, safetensors")
    parser.add_argument("--objective", choices=OBJECTIVES, default="regression")
    parser.add_argument("--learn", choices=("all", "deep"), default="all", help="which filters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--conditions", type=int, default=96, help="microscopes to draw")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    images = Images(chosen.seed, chosen.conditions, chosen.scratch)
    weights = make_weights(chosen.objective, chosen.learn, chosen.seed, chosen.steps, images)
    save_file(weights, chosen.out)
    digest = hashlib.sha256(chosen.out.read_bytes()).hexdigest()
    print(f"{chosen.out}: {chosen.out.stat().st_size} bytes, SHA-256 {digest}")


if __name__ == "__main__":
    main()
