"""Style of an experimental reference: feature networks, their statistics, and transfer."""

from faket.style.network import FeatureNetwork
from faket.style.profile import StyleProfile
from faket.style.transfer import transfer_style
from faket.style.vgg import load_network

__all__ = ["FeatureNetwork", "StyleProfile", "load_network", "transfer_style"]
