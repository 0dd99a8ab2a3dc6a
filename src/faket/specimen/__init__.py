"""From species to a labelled specimen in ice: packing, vesicles, gold, molecules."""

from faket.specimen.classes import check_species, class_labels
from faket.specimen.company import Company
from faket.specimen.config import SpecimenConfig
from faket.specimen.filament_settings import FilamentSettings
from faket.specimen.meshes import Mesh
from faket.specimen.neighbours import neighbour_facts
from faket.specimen.painting import Painter, build_specimen, paint_specimen
from faket.specimen.placement import Placement, place_particles, requested_counts

__all__ = [
    "Company",
    "FilamentSettings",
    "Mesh",
    "Painter",
    "Placement",
    "SpecimenConfig",
    "build_specimen",
    "check_species",
    "class_labels",
    "neighbour_facts",
    "paint_specimen",
    "place_particles",
    "requested_counts",
]
