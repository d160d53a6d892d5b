"""The figures, by name: each computes a `Chart` from the tables of one context, or None without its data.

Those of distances, pictures and predictions have a function for plain arrays beside `compute`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from layercut.registry import Entry, Registry

if TYPE_CHECKING:  # listing names needs no pandas
    from layercut.charts import Chart
    from layercut.figures.study_tables import StudyTables
    from layercut.stats import Context
    from layercut.stats.tables import Results

Figure: TypeAlias = "Callable[[StudyTables], Chart | None]"
"""From the tables of one context to a chart."""

FIGURES: Registry[Figure] = Registry(
    "figure",
    {
        "cut_boxes": Entry(
            "layercut.figures.cut_boxes:compute", "box plots of test accuracy by cut, a panel a fraction"
        ),
        "difference_to_scratch": Entry(
            "layercut.figures.difference_to_scratch:compute", "difference to training from scratch by fraction"
        ),
        "accuracy_by_fraction": Entry(
            "layercut.figures.accuracy_by_fraction:compute", "mean test accuracy against the fraction, a line a cut"
        ),
        "mean_heatmap": Entry("layercut.figures.mean_heatmap:compute", "mean test accuracy by cut and fraction"),
        "accuracy_by_parameters": Entry(
            "layercut.figures.accuracy_by_parameters:compute",
            "test accuracy against parameters and operations, with Pareto front",
        ),
        "accuracy_bars": Entry("layercut.figures.accuracy_bars:compute", "mean test accuracy by cut as bars"),
        "accuracy_surface": Entry(
            "layercut.figures.accuracy_surface:compute", "mean test accuracy over cut and fraction as a landscape"
        ),
        "learning_curves": Entry(
            "layercut.figures.learning_curves:compute", "loss and accuracy by epoch, best cut of each strategy"
        ),
        "class_scores": Entry("layercut.figures.class_scores:compute", "F1 of each class, best cut of each strategy"),
        "confusion_matrix": Entry(
            "layercut.figures.confusion_matrix:compute", "classes taken for each other, best and worst kept condition"
        ),
        "predicted_examples": Entry(
            "layercut.figures.predicted_examples:compute", "a test image of each class with its prediction"
        ),
        "feature_maps": Entry(
            "layercut.figures.feature_maps:compute", "what the first block makes of a test image, channel by channel"
        ),
        "sample_images": Entry(
            "layercut.figures.sample_images:compute", "training images of the source and the target"
        ),
        "source_accuracy": Entry(
            "layercut.figures.source_accuracy:compute", "accuracy of sources on their own task along pretraining"
        ),
        "timing": Entry("layercut.figures.timing:compute", "seconds a trial by cut"),
        "probe_scoreboard": Entry(
            "layercut.figures.probe_scoreboard:compute", "accuracy lost by choosing the cut by a probe, beside nulls"
        ),
        "probe_by_layer": Entry("layercut.figures.probe_by_layer:compute", "each probe's score by layer"),
        "probe_rank_correlation": Entry(
            "layercut.figures.probe_rank_correlation:compute", "rank correlation of probes with transfer by layer"
        ),
        "cluster_boxes": Entry(
            "layercut.figures.cluster_boxes:compute", "agreement of clusters with classes by layer, as box plots"
        ),
        "features_scatter": Entry(
            "layercut.figures.features_scatter:compute", "images as points by layer (t-SNE), by class and by cluster"
        ),
        "dissimilarity_matrices": Entry(
            "layercut.figures.dissimilarity_matrices:compute", "which images a layer finds alike, sorted by class (RSA)"
        ),
        "rsa_matrices": Entry(
            "layercut.figures.rsa_matrices:compute",
            "how alike layers of source and target model represent images (RSA)",
        ),
        "mds_map": Entry("layercut.figures.mds_map:compute", "layers of source and target model as a map (MDS)"),
    },
)


def charts_of(name: str, tables: StudyTables | Results) -> list[tuple[Context, Chart]]:
    """Return the figure `name` for each context that has its data, from a study, its results table or its path.

    Raises:
        UnknownNameError: no such figure.
    """
    from layercut.figures.study_tables import StudyTables  # noqa: PLC0415 - listing names needs no pandas

    compute = FIGURES[name]
    charts = [(context, compute(part)) for context, part in StudyTables.of(tables).contexts()]
    return [(context, chart) for context, chart in charts if chart is not None]
