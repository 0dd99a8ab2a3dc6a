"""The changing state of a training: network, optimiser, scaler and average of the weights."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from faket.data import FloatArray
from faket.device import Device, resolve_device
from faket.errors import InputError
from faket.picking.networks.adam import adam_state, restore_adam
from faket.picking.networks.checkpoint import Checkpoint, EpochRecord
from faket.picking.networks.choose import build_network
from faket.picking.networks.loss import dice_loss
from faket.picking.networks.network import VoxelNetwork
from faket.picking.networks.segmentation import half_precision, half_type
from faket.picking.networks.settings import TrainingSettings
from faket.seeds import derive

Batch = tuple[FloatArray, NDArray[np.uint8]]


@dataclass
class Learner:
    """Network, optimiser and scaler on a device, and the average of the weights if wanted."""

    classes: tuple[str, ...]
    voxel_size_A: float
    seed: int
    epoch: int
    network: VoxelNetwork
    optimiser: torch.optim.Adam
    scaler: torch.amp.GradScaler
    device: torch.device
    averaged: VoxelNetwork | None = None
    spectrum: tuple[float, ...] | None = None

    @property
    def result(self) -> VoxelNetwork:
        """The network that is validated and kept."""
        return self.averaged or self.network

    @classmethod
    def begin(
        cls,
        classes: tuple[str, ...],
        voxel_size_A: float,
        settings: TrainingSettings,
        seed: int,
        start: Checkpoint | None,
        device: Device,
    ) -> "Learner":
        """Make a network with random weights, or continue from a checkpoint.

        Raises
        ------
        InputError
            If the checkpoint has other classes, another voxel size, network or width, or all
            epochs.
        """
        where = torch.device(resolve_device(device))
        if start is None:
            network = build_network(
                len(classes),
                width=settings.width,
                seed=derive(seed, "network"),
                picker=settings.picker,
            )
        else:
            _check_start(start, classes, voxel_size_A, settings)
            network = start.network(averaged=False)
        network = network.to(where)
        optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        scaled = where.type == "cuda" and settings.mixed_precision and half_type() == torch.float16
        scaler = torch.amp.GradScaler("cuda", enabled=scaled)
        if start is not None:
            restore_adam(network, optimiser, start.optimiser)
            _restore_scaler(scaler, start.loss_scale)
        averaged = None
        if settings.average_steps:
            averaged = start.network().to(where) if start else copy.deepcopy(network)
        epoch = start.epoch if start else 0
        return cls(classes, voxel_size_A, seed, epoch, network, optimiser, scaler, where, averaged)

    def step(self, batch: Batch, settings: TrainingSettings, rate: float) -> float:
        """Take one step of Adam with a learning rate, and return the loss before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        images = torch.from_numpy(batch[0]).to(self.device, non_blocking=True)
        labels = torch.from_numpy(batch[1]).to(self.device, non_blocking=True)
        self.optimiser.zero_grad(set_to_none=True)
        with half_precision(self.device, settings.mixed_precision):
            logits = self.network(images)
        loss: Tensor = dice_loss(logits, labels)
        if settings.cross_entropy > 0:
            entropy = functional.cross_entropy(logits.float(), labels.long())
            loss = loss + settings.cross_entropy * entropy
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._average(settings.average_steps)
        return float(loss.detach())

    @torch.no_grad()
    def _average(self, steps: int) -> None:
        """Update the average of the weights: a plain mean at first, then over about ``steps``."""
        adam = self.optimiser.state.get(next(self.network.parameters()))
        if self.averaged is None or not adam:  # no state yet if the scaler skipped the first step
            return
        weight = 1 / min(float(adam["step"]), steps)
        pairs = zip(self.averaged.parameters(), self.network.parameters(), strict=True)
        for average, value in pairs:
            average.lerp_(value, weight)

    def checkpoint(self, history: tuple[EpochRecord, ...]) -> Checkpoint:
        """Return a copy of the state, on the CPU."""
        scale = self.scaler.state_dict()
        return Checkpoint(
            classes=self.classes,
            width=self.network.width,
            voxel_size_A=self.voxel_size_A,
            seed=self.seed,
            epoch=self.epoch,
            weights=_copy(self.network),
            averaged=_copy(self.averaged) if self.averaged else {},
            optimiser=adam_state(self.network, self.optimiser),
            history=history,
            loss_scale=(scale["scale"], float(scale["_growth_tracker"])) if scale else (),
            picker=self.network.picker,
            spectrum=self.spectrum,
        )


def _check_start(
    start: Checkpoint, classes: tuple[str, ...], voxel_size_A: float, settings: TrainingSettings
) -> None:
    """Refuse a checkpoint that this training cannot continue."""
    if start.classes != classes:
        theirs, ours = (", ".join(name for name in c[1:]) for c in (start.classes, classes))
        raise InputError(
            f"checkpoint: expected the classes of the tomograms ({ours}), found ({theirs}); "
            "train on the same classes in the same order"
        )
    if abs(start.voxel_size_A / voxel_size_A - 1) > 0.02:
        raise InputError(
            f"checkpoint: expected voxels of {voxel_size_A:g} Å as in the tomograms, found "
            f"{start.voxel_size_A:g} Å; rescale the tomograms"
        )
    if start.picker != settings.picker:
        raise InputError(
            f"checkpoint: expected the picker {settings.picker}, found {start.picker}; set "
            "`picker` to the checkpoint's"
        )
    if start.width != settings.width:
        raise InputError(
            f"checkpoint: expected a network of width {settings.width:g}, found "
            f"{start.width:g}; set `width` to the checkpoint's"
        )
    if start.epoch >= settings.epochs:
        raise InputError(
            f"training: expected more epochs than the checkpoint's {start.epoch}, found "
            f"{settings.epochs}; give a larger number, which includes the checkpoint's"
        )


def _copy(network: VoxelNetwork) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _restore_scaler(scaler: torch.amp.GradScaler, state: tuple[float, ...]) -> None:
    if not scaler.is_enabled() or len(state) != 2:
        return
    fresh = scaler.state_dict()
    scaler.load_state_dict({**fresh, "scale": state[0], "_growth_tracker": int(state[1])})
