"""Whether loaders that need environments of their own take the folders of volumes.py.

    python scripts/agreement/volumes.py OUT
    PYTHON scripts/agreement/loaders.py OUT ome-zarr-models
    PYTHON scripts/agreement/loaders.py OUT membrain-seg

PYTHON is of an environment with ome-zarr-models (which needs zarr 3), or with membrain-seg and what
its loader imports. Prints a line for each check; the exit code is 1 if one fails.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np


def ome_zarr_models(out):
    """Check metadata and arrays of every OME-Zarr image and label in the copick project."""
    import zarr
    from ome_zarr_models import open_ome_zarr

    who = f"ome-zarr-models {version('ome-zarr-models')}"
    for path in sorted((out / "copick").rglob("*.zarr")):
        group = zarr.open_group(path, mode="r")
        found = open_ome_zarr(group, version="0.4")
        multiscale = found.attributes.multiscales[0]
        sizes = [d.coordinateTransformations[0].scale[0] for d in multiscale.datasets]
        kind = type(found).__name__
        right = [axis.name for axis in multiscale.axes] == list("zyx")
        right &= kind == ("Image" if "VoxelSpacing" in str(path) else "ImageLabel")
        right &= sizes == [sizes[0] * 2**i for i in range(len(sizes))]
        yield f"{who}: {path.name} is an {kind}, scales of {sizes} Å", right


def membrain_seg(out):
    """Check what MemBrain-seg's data set gives for training: patches, padded to 160 voxels."""
    from membrain_seg.segmentation.dataloading.memseg_dataset import CryoETMemSegDataset

    who = f"membrain-seg {version('membrain-seg')}"
    folder = out / "membrain-seg"
    data = CryoETMemSegDataset(str(folder / "imagesTr"), str(folder / "labelsTr"))
    truth = np.load(out / "truth.npz")
    item = data[0]
    # Its axes are y x z.
    image, labels = (
        np.asarray(p).transpose(2, 0, 1) for p in (item["image"][0], item["label"][0][0])
    )
    yield f"{who}: {len(data)} patches of {image.shape} voxels", image.shape == (160, 160, 160)
    box = tuple(slice((160 - n) // 2, (160 - n) // 2 + n) for n in truth["volume"].shape)
    beside = np.ones(labels.shape, bool)
    beside[box] = False
    yield f"{who}: labels where the truth has them", np.array_equal(labels[box], truth["labels"])
    yield f"{who}: what was padded is not learned from", bool((labels[beside] == 2).all())
    found = np.corrcoef(image[box].ravel(), truth["volume"].ravel())[0, 1]
    yield f"{who}: the image, correlation {found:.6f}", found > 0.999999
    batch = next(iter(_batches(CryoETMemSegDataset, folder)))
    yield f"{who}: an augmented batch of {tuple(batch['image'].shape)}", True


def _batches(data_set, folder):
    from torch.utils.data import DataLoader

    data = data_set(str(folder / "imagesTr"), str(folder / "labelsTr"), train=True)
    return DataLoader(data, batch_size=1)


CHECKS = {"ome-zarr-models": ome_zarr_models, "membrain-seg": membrain_seg}


def main(out, name):
    """Run a check."""
    results = list(CHECKS[name](out))
    for text, agrees in results:
        print(f"{'agrees' if agrees else 'DISAGREES'}: {text}")
    return int(not all(agrees for _, agrees in results))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in CHECKS:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
