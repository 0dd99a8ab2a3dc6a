"""Picking: clustering at full size, its F1 and seconds by method; a step of the network.

Run: python benchmarks/bench_picking.py clustering   (512 x 512 x 180 voxels of 10 Å, 1500
objects of the embedded species; labels as a picker gives them: missed and half-missed objects,
wrong classes, rough borders that touch, blobs of nothing)
     python benchmarks/bench_picking.py network [width] [patch] [batch]
"""

import resource
import sys
import time

import numpy as np
from scipy import ndimage

from faket.evaluation import Picks, Truth, score_picks
from faket.io.molecules import load_species
from faket.picking import cluster, learn_minimum_sizes, learn_typical_sizes
from faket.seeds import generator
from faket.specimen import SpecimenConfig, build_specimen
from faket.structures import SYNTHETIC_SPECIES

VOXEL_A = 10.0


def specimen(size, objects, seed):
    """Return the truth of a crowded slab, and its class names by label."""
    species = [load_species(f"synthetic:{n}", voxel_size_A=VOXEL_A) for n in SYNTHETIC_SPECIES]
    config = SpecimenConfig(
        size_voxels=size,
        voxel_size_A=VOXEL_A,
        particles=(objects, objects),
        vesicles=(4, 4),
        gold=(10, 10),
    )
    made = build_specimen(config, species, seed=seed)
    classes = ["background", *(info.name for info in made.classes.values())]
    return Truth(made.particles, made.instance_mask, VOXEL_A, tuple(classes[1:])), classes


def labels_of(truth, classes):
    """Return the label of each object."""
    particles = truth.particles
    return {
        int(i): classes.index(name)
        for i, name in zip(particles.ids, particles.species, strict=True)
    }


def field(rng, shape, sigma):
    noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma)
    return noise / noise.std()


def as_segmented(truth, classes, *, seed, quality=1.0):
    """Return the bin-2 labels that a picker of some quality would give.

    The chance to find an object and to class it rightly grows with its volume; borders move by a
    smooth random field of 0.6 voxels, which joins near neighbours; a fifth of what is missed
    leaves a fragment; a smooth field gives some particles a second class in part; blobs and
    single voxels stand on nothing.
    """
    rng = generator(seed, "segmentation")
    ids = truth.instance_mask[::2, ::2, ::2]
    of_object = labels_of(truth, classes)
    n_classes = len(classes)
    proteins = np.arange(1, n_classes - 2)
    sizes = np.bincount(ids.ravel(), minlength=max(of_object) + 1).astype(float)
    ease = sizes / (sizes + 30 / quality)
    first = np.zeros(len(sizes), np.uint8)
    second = np.zeros(len(sizes), np.uint8)
    kept = np.zeros(len(sizes), bool)
    fragment = np.zeros(len(sizes), bool)
    for i, label in of_object.items():
        protein = label in proteins
        kept[i] = rng.random() < 0.5 + 0.5 * ease[i]
        fragment[i] = not kept[i] and rng.random() < 0.2
        right = not protein or rng.random() < 0.2 + 0.8 * ease[i]
        near = np.clip(label + rng.choice([-2, -1, 1, 2]), proteins.min(), proteins.max())
        first[i] = label if right else near
        second[i] = rng.choice(proteins) if protein else label
    outside, nearest = ndimage.distance_transform_edt(ids == 0, return_indices=True)
    depth = outside - ndimage.distance_transform_edt(ids > 0)  # about < 0 inside
    owner = ids[tuple(nearest)]
    rough = depth + 0.6 * field(rng, ids.shape, 1.5) < 0.4
    partial = field(rng, ids.shape, 2.0)
    found = np.where(rough & (kept[owner] | (fragment[owner] & (partial > 0.7))), owner, 0)
    mixed = field(rng, ids.shape, 2.5) > 1.0
    out = np.where(mixed, second[found], first[found]).astype(np.uint8)
    vesicle = out == classes.index("vesicle")
    out[vesicle & (partial < -0.8)] = 0  # membranes have holes
    blobs = field(rng, ids.shape, 1.3) > 3.9
    blob_labels, n = ndimage.label(blobs & (out == 0))
    out = np.where(blob_labels > 0, rng.integers(1, n_classes, n + 1)[blob_labels], out)
    salt = (rng.random(ids.shape) < 2e-5) & (out == 0)
    out[salt] = rng.integers(1, n_classes, int(salt.sum()))
    return out.astype(np.uint8)


def scores(clusters, truth, classes):
    """Return SHREC'21's localisation F1 and the macro F1 over proteins and gold."""
    found = clusters.to_particles(classes, VOXEL_A)
    result = score_picks(Picks(found.species, found.positions_A), truth)
    macro = result.classification.f1_macro_without_background
    return result.localisation.f1, macro


def bench_clustering(size=(512, 512, 180), objects=1500, qualities=(0.5, 1.0, 3.0)):
    known, test = specimen(size, objects, 1), specimen(size, objects, 2)
    print(f"{len(test[0].particles)} objects in {size[0]} x {size[1]} x {size[2]} voxels")
    warm = np.zeros((24, 24, 24), np.uint8)
    warm[4:20, 4:20, 4:20] = 1
    for quality in qualities:
        made = [as_segmented(*one, seed=k, quality=quality) for k, one in enumerate((known, test))]
        print(f"quality {quality:g}: {np.count_nonzero(made[1])} voxels labelled")
        for method in ("meanshift", "components"):
            cluster(warm, method=method)  # compiles
            bench_method(method, made, known, test)


def bench_method(method, made, known, test):
    classes = test[1]
    truth = known[0].instance_mask, labels_of(*known)
    options = {"method": method, "shells": (classes.index("vesicle"),)}
    before = cluster(made[0], **options)
    if method == "components":
        usual = learn_typical_sizes(before, *truth, n_classes=len(classes))
        options["typical_sizes"] = usual
        before = cluster(made[0], **options)
    start = time.perf_counter(), time.process_time()
    clusters = cluster(made[1], **options)
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    sizes = learn_minimum_sizes(
        before, *truth, n_classes=len(classes), typical_sizes=options.get("typical_sizes")
    )
    kept = clusters.at_least(sizes)
    raw, f1 = scores(clusters, *test), scores(kept, *test)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {method:10} {wall:6.2f} s (CPU {cpu:6.2f} s)  {len(clusters)} clusters, localisation "
        f"F1 {raw[0]:.4f}, macro F1 {raw[1]:.4f}; with sizes {len(kept)}, {f1[0]:.4f}, "
        f"{f1[1]:.4f}; peak {peak:.0f} MB"
    )


def bench_network(width=1.0, patch=56, batch=25, steps=3):
    import torch

    from faket.picking.networks.choose import build_network
    from faket.picking.networks.loss import dice_loss

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_network(16, width=width, seed=0).to(device)
    adam = torch.optim.Adam(network.parameters(), lr=1e-4)
    images = torch.randn(batch, 1, patch, patch, patch, device=device)
    labels = torch.randint(0, 16, (batch, patch, patch, patch), device=device)
    for _ in range(steps):
        start = time.perf_counter(), time.process_time()
        adam.zero_grad()
        loss = dice_loss(network(images), labels)
        loss.backward()
        adam.step()
        value = loss.item()
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        print(
            f"width {width:g}, {batch} x {patch}³, {torch.get_num_threads()} threads, {device}: "
            f"{wall:.2f} s a step (CPU {cpu:.2f} s), loss {value:.3f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["network"]:
        bench_network(*(float(a) if k == 0 else int(a) for k, a in enumerate(sys.argv[2:])))
    else:
        bench_clustering()
