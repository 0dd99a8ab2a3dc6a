"""From molecules to potentials: atoms, maps, and the embedded synthetic library."""

from faket.structures.load import load_species
from faket.structures.synthetic import SYNTHETIC_SPECIES, synthetic_species

__all__ = ["SYNTHETIC_SPECIES", "load_species", "synthetic_species"]
