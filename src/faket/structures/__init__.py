"""From molecules to potentials: atoms, maps, and the embedded synthetic library."""

from faket.structures.atoms import species_from_atoms
from faket.structures.maps import species_from_map
from faket.structures.synthetic import SYNTHETIC_SPECIES, synthetic_species

__all__ = ["SYNTHETIC_SPECIES", "species_from_atoms", "species_from_map", "synthetic_species"]
