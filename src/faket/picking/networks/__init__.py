"""Networks that label voxels: DeepFinder's (Moebel et al. 2021) and a residual U-Net."""

from faket.picking.networks.checkpoint import Checkpoint, EpochRecord
from faket.picking.networks.choose import build_network
from faket.picking.networks.deepfinder import DeepFinder
from faket.picking.networks.patches import LabelledTomogram
from faket.picking.networks.segmentation import Segmentation, segment
from faket.picking.networks.settings import TRAINING_PRESETS, TrainingSettings
from faket.picking.networks.training import StepReport, TrainedPicker, train

__all__ = [
    "TRAINING_PRESETS",
    "Checkpoint",
    "DeepFinder",
    "EpochRecord",
    "LabelledTomogram",
    "Segmentation",
    "StepReport",
    "TrainedPicker",
    "TrainingSettings",
    "build_network",
    "segment",
    "train",
]
