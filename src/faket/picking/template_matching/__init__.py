"""Template matching: templates with missing wedge and CTF, locally normalised scores."""

from faket.picking.template_matching.matching import Matcher, match_templates
from faket.picking.template_matching.peaks import (
    Candidates,
    TemplatePicks,
    find_candidates,
    merge_candidates,
    noise_cutoff,
)
from faket.picking.template_matching.rotations import uniform_rotations
from faket.picking.template_matching.search import ScoreMaps, search
from faket.picking.template_matching.settings import TM, TM_F, TemplateMatching
from faket.picking.template_matching.templates import (
    KernelFactory,
    Template,
    prepare_template,
)
from faket.picking.template_matching.transfer import tomogram_transfer

__all__ = [
    "TM",
    "TM_F",
    "Candidates",
    "KernelFactory",
    "Matcher",
    "ScoreMaps",
    "Template",
    "TemplateMatching",
    "TemplatePicks",
    "find_candidates",
    "match_templates",
    "merge_candidates",
    "noise_cutoff",
    "prepare_template",
    "search",
    "tomogram_transfer",
    "uniform_rotations",
]
