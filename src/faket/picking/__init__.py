"""Picking particles in tomograms.

Names are loaded on first use, because the network needs torch and clustering and matching do not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faket.picking.clustering import Clusters, cluster
    from faket.picking.networks import (
        TRAINING_PRESETS,
        Checkpoint,
        DeepFinder,
        LabelledTomogram,
        Segmentation,
        TrainedPicker,
        TrainingSettings,
        segment,
        train,
    )
    from faket.picking.sizes import learn_minimum_sizes, learn_typical_sizes, objects_hit
    from faket.picking.template_matching import match_templates

_HOME = {
    "TRAINING_PRESETS": "networks",
    "Checkpoint": "networks",
    "Clusters": "clustering",
    "DeepFinder": "networks",
    "LabelledTomogram": "networks",
    "Segmentation": "networks",
    "TrainedPicker": "networks",
    "TrainingSettings": "networks",
    "cluster": "clustering",
    "learn_minimum_sizes": "sizes",
    "learn_typical_sizes": "sizes",
    "match_templates": "template_matching",
    "objects_hit": "sizes",
    "segment": "networks",
    "train": "networks",
}

__all__ = [
    "TRAINING_PRESETS",
    "Checkpoint",
    "Clusters",
    "DeepFinder",
    "LabelledTomogram",
    "Segmentation",
    "TrainedPicker",
    "TrainingSettings",
    "cluster",
    "learn_minimum_sizes",
    "learn_typical_sizes",
    "match_templates",
    "objects_hit",
    "segment",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load the module that defines ``name`` (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
