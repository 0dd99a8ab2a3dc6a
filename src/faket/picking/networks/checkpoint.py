"""The state of a training: enough to continue it exactly, to fine-tune it, or to pick."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor

from faket.data import FloatArray
from faket.errors import InputError
from faket.picking.networks.choose import make_network
from faket.picking.networks.network import PickerName, VoxelNetwork
from faket.picking.spectrum import SHELLS

MayBeNaN = Annotated[float, "may be NaN"]  # of a training that diverged; see faket.io.records
_LATER = {"may": "be missing"}  # see faket.io.records


@dataclass(frozen=True)
class EpochRecord:
    """The results of one epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    loss : float
        Mean over its batches.
    f1 : tuple of float or None
        Voxel-wise F1 of each class on the validation tomogram, background first; NaN for a class
        that neither occurs nor is predicted. None if the epoch was not validated.
    mean_f1 : float or None
        Mean over the classes that are scored.
    """

    epoch: int
    loss: float
    f1: tuple[float, ...] | None = None
    mean_f1: float | None = None


@dataclass(frozen=True)
class StoredEpoch:
    """An :class:`EpochRecord` as it is stored: a class without F1 has None."""

    epoch: int
    loss: MayBeNaN
    f1: tuple[float | None, ...] | None
    mean_f1: MayBeNaN | None


@dataclass(frozen=True)
class Facts:
    """The entries of a checkpoint that are no arrays; see :class:`Checkpoint`."""

    classes: tuple[str, ...]
    width: float
    voxel_size_A: float
    seed: int
    epoch: int
    history: tuple[StoredEpoch, ...]
    minimum_sizes: tuple[int, ...] | None
    typical_sizes: tuple[float, ...] | None
    loss_scale: tuple[float, ...]
    picker: PickerName = field(default="deepfinder", metadata=_LATER)
    spectrum: tuple[float, ...] | None = field(default=None, metadata=_LATER)

    def __post_init__(self) -> None:
        """Raise InputError for values that no training writes."""
        if not self.voxel_size_A > 0 or self.seed < 0 or self.epoch < 0:
            raise InputError(
                f"checkpoint: expected a voxel size > 0, seed and epoch >= 0, found "
                f"{self.voxel_size_A:g}, {self.seed} and {self.epoch}; train again"
            )
        if len(self.loss_scale) not in (0, 2):
            raise InputError(
                f"checkpoint: expected a loss scale of no or two numbers, found "
                f"{len(self.loss_scale)}; train again"
            )
        if self.spectrum is not None and len(self.spectrum) != SHELLS:
            raise InputError(
                f"checkpoint: expected a spectrum of {SHELLS} numbers, found {len(self.spectrum)}; "
                "train again"
            )


@dataclass(frozen=True)
class Checkpoint:
    """A picker after some epochs of training.

    Attributes
    ----------
    classes : tuple of str
        Name of each label, from 0, background.
    width : float
        Of the network.
    voxel_size_A : float
        Of the tomograms it was trained on.
    seed : int
        The random numbers of epoch n are a function of (seed, n), so no other state is needed.
    epoch : int
        Number of finished epochs, including those before fine-tuning.
    weights : mapping of str to Tensor
        From which the training continues.
    averaged : mapping of str to Tensor
        Their average over the last steps, which is used for picking; empty if there is none.
    optimiser : mapping of str to Tensor
        Adam's ``step``, ``exp_avg`` and ``exp_avg_sq`` of each weight, "exp_avg:NAME".
    history : tuple of EpochRecord
        Of this training; fine-tuning begins a new one.
    minimum_sizes : tuple of int or None
    typical_sizes : tuple of float or None
        Smallest and usual number of voxels (of the segmentation binned by 2) of a particle of each
        class, learnt on a validation tomogram.
    loss_scale : tuple of float
        State of the gradient scaler if float16 is used: scale and growth count.
    picker : {"deepfinder", "unet"}
        Which network it has.
    spectrum : tuple of float or None
        Power of the training tomograms by frequency, see :mod:`faket.picking.spectrum`; None in
        files of earlier versions.
    """

    classes: tuple[str, ...]
    width: float
    voxel_size_A: float
    seed: int
    epoch: int
    weights: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor] = field(default_factory=dict)
    history: tuple[EpochRecord, ...] = ()
    minimum_sizes: tuple[int, ...] | None = None
    typical_sizes: tuple[float, ...] | None = None
    loss_scale: tuple[float, ...] = ()
    averaged: Mapping[str, Tensor] = field(default_factory=dict)
    picker: PickerName = "deepfinder"
    spectrum: tuple[float, ...] | None = None

    @property
    def best_epoch(self) -> int:
        """The first epoch with the highest mean F1; the last epoch if none has an F1."""
        scored = [r for r in self.history if r.mean_f1 is not None and not math.isnan(r.mean_f1)]
        if not scored:
            return self.epoch
        return max(scored, key=lambda record: (record.mean_f1, -record.epoch)).epoch

    @property
    def is_best(self) -> bool:
        """Whether no epoch of the history was better than the last one."""
        return self.best_epoch == self.epoch

    def network(self, *, averaged: bool = True) -> VoxelNetwork:
        """Return the trained network, on the CPU: with averaged weights if there are any."""
        network = make_network(len(self.classes), width=self.width, picker=self.picker)
        try:
            network.load_state_dict(
                dict(self.averaged if averaged and self.averaged else self.weights)
            )
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"checkpoint: expected the weights of a {self.picker} network of width "
                f"{self.width:g} and {len(self.classes)} classes, found others ({reason}); train "
                "again"
            ) from None
        return network

    def for_fine_tuning(self) -> Self:
        """Return the picker without its history and sizes, which are of other tomograms."""
        return replace(
            self,
            weights=self.averaged or self.weights,
            averaged={},
            history=(),
            minimum_sizes=None,
            typical_sizes=None,
        )

    def to_arrays(self) -> tuple[dict[str, FloatArray], Facts]:
        """Return arrays and facts to store; :meth:`from_arrays` is the exact inverse."""
        arrays = {f"weights:{name}": _array(value) for name, value in self.weights.items()}
        arrays |= {f"averaged:{name}": _array(value) for name, value in self.averaged.items()}
        arrays |= {f"adam:{name}": _array(value) for name, value in self.optimiser.items()}
        facts = Facts(
            classes=self.classes,
            width=self.width,
            voxel_size_A=self.voxel_size_A,
            seed=self.seed,
            epoch=self.epoch,
            history=tuple(_stored(record) for record in self.history),
            minimum_sizes=self.minimum_sizes,
            typical_sizes=self.typical_sizes,
            loss_scale=self.loss_scale,
            picker=self.picker,
            spectrum=self.spectrum,
        )
        return arrays, facts

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray], facts: Facts) -> Self:
        """Return the checkpoint that :meth:`to_arrays` converted.

        Raises
        ------
        InputError
            If something is missing or of another kind.
        """
        checkpoint = cls(
            classes=facts.classes,
            width=facts.width,
            voxel_size_A=facts.voxel_size_A,
            seed=facts.seed,
            epoch=facts.epoch,
            weights=_part(arrays, "weights:"),
            optimiser=_part(arrays, "adam:"),
            history=tuple(_record(entry) for entry in facts.history),
            minimum_sizes=facts.minimum_sizes,
            typical_sizes=facts.typical_sizes,
            loss_scale=facts.loss_scale,
            averaged=_part(arrays, "averaged:"),
            picker=facts.picker,
            spectrum=facts.spectrum,
        )
        for learnt in (checkpoint.minimum_sizes, checkpoint.typical_sizes):
            if learnt is not None and len(learnt) != len(checkpoint.classes):
                raise InputError(
                    f"checkpoint: expected a size for each of {len(checkpoint.classes)} classes, "
                    f"found {len(learnt)}; train again"
                )
        for stored in (checkpoint.weights, checkpoint.averaged or checkpoint.weights):
            _check_weights(checkpoint, stored)  # here, so that no run fails later
        return checkpoint


def _array(value: Tensor) -> FloatArray:
    return np.ascontiguousarray(value.detach().cpu().numpy(), np.float32).reshape(value.shape)


def _part(arrays: Mapping[str, FloatArray], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): torch.from_numpy(np.array(array, np.float32))
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _stored(record: EpochRecord) -> StoredEpoch:
    f1 = None if record.f1 is None else tuple(None if math.isnan(x) else x for x in record.f1)
    return StoredEpoch(record.epoch, record.loss, f1, record.mean_f1)


def _record(entry: StoredEpoch) -> EpochRecord:
    f1 = entry.f1
    return EpochRecord(
        epoch=entry.epoch,
        loss=entry.loss,
        f1=None if f1 is None else tuple(math.nan if x is None else x for x in f1),
        mean_f1=entry.mean_f1,
    )


def _check_weights(checkpoint: Checkpoint, stored: Mapping[str, Tensor]) -> None:
    """Compare names and shapes before memory is allocated for a network of the stored width."""
    with torch.device("meta"):
        network = make_network(
            len(checkpoint.classes), width=checkpoint.width, picker=checkpoint.picker
        )
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    found = {name: value.shape for name, value in stored.items()}
    if wanted != found:
        raise InputError(
            f"checkpoint: expected the weights of a {checkpoint.picker} network of width "
            f"{checkpoint.width:g} and {len(checkpoint.classes)} classes, found others; train again"
        )
    if not all(bool(torch.isfinite(value).all()) for value in stored.values()):
        raise InputError(
            "checkpoint: expected finite weights, found NaN or infinity (the training diverged, or "
            "the file is damaged); train again with a smaller learning rate"
        )
