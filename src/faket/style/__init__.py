"""The style of a reference: feature networks, their statistics, and style transfer."""

from faket.style.choose import load_network
from faket.style.network import FeatureNetwork, build_network
from faket.style.profile import StyleProfile
from faket.style.transfer import transfer_style
from faket.style.vgg.update import Adam, UpdateRule

__all__ = [
    "Adam",
    "FeatureNetwork",
    "StyleProfile",
    "UpdateRule",
    "build_network",
    "load_network",
    "transfer_style",
]
