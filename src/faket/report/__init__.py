"""Pictures of data sets."""

from faket.report.figures import dataset_figure

__all__ = ["dataset_figure"]
