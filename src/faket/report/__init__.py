"""Figures of data sets, comparisons and scores."""

from faket.report.figures import dataset_figure

__all__ = ["dataset_figure"]
