"""Networks that label voxels: DeepFinder's (Moebel et al. 2021) and a residual U-Net."""

from faket.picking.deepfinder.checkpoint import Checkpoint, EpochRecord
from faket.picking.deepfinder.network import DeepFinder, build_network
from faket.picking.deepfinder.patches import LabelledTomogram
from faket.picking.deepfinder.segmentation import Segmentation, segment
from faket.picking.deepfinder.settings import TRAINING_PRESETS, TrainingSettings
from faket.picking.deepfinder.training import StepReport, TrainedPicker, train

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
