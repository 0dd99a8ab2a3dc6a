"""nnU-Net's raw data set: ``imagesTr``, ``labelsTr`` (NIfTI) and ``dataset.json``.

Names as nnU-Net 2 wants them: ``imagesTr/NAME_0000.nii.gz`` (channel 0), ``labelsTr/NAME.nii.gz``;
labels without gaps. nnU-Net splits training and validation itself. The folder is to be
called ``DatasetNNN_NAME`` in ``nnUNet_raw``.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faket.exchange.face import Format
from faket.exchange.labels import consecutive, label_planes
from faket.exchange.source import SourceTomogram
from faket.io.nifti import write_nifti
from faket.io.text import write_text


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    image = folder / "imagesTr" / f"{tomogram.name}_0000.nii.gz"
    shape, size_A = tomogram.shape, tomogram.voxel_size_A
    write_nifti(image, tomogram.planes(), shape, size_A, dtype=np.float32)
    labels = label_planes(tomogram, consecutive(tomogram))
    target = folder / "labelsTr" / f"{tomogram.name}.nii.gz"
    write_nifti(target, labels, shape, size_A, dtype=np.uint8)


def _finish(tomograms: Sequence[SourceTomogram], folder: Path) -> None:
    record = {
        "channel_names": {"0": "tomogram"},  # normalised by each image's mean and deviation
        "labels": {"background": 0, **consecutive(tomograms[0])},
        "numTraining": len(tomograms),
        "file_ending": ".nii.gz",
    }
    write_text(folder / "dataset.json", [json.dumps(record, indent=1)])


FORMAT = Format(write=_write, finish=_finish)
