"""The figures, by name: each computes a `Chart` from the tables of one context, or None without its data.

Those of distances, pictures and predictions have a function for plain arrays beside `compute`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

from layercut.errors import UserError, did_you_mean
from layercut.registry import Entry, Registry

if TYPE_CHECKING:  # listing names needs no pandas
    from layercut.charts import Chart
    from layercut.figures.study_tables import StudyTables
    from layercut.stats import Context
    from layercut.stats.tables import Results

Figure: TypeAlias = "Callable[..., Chart | None]"
"""From the tables of one context to a chart; keywords are options, each a `Literal` with a default."""

FIGURES: Registry[Figure] = Registry(
    "figure",
    {
        "cut_boxes": Entry(
            "layercut.figures.cut_boxes:compute", "box plots of test accuracy by cut, one panel per fraction"
        ),
        "difference_to_scratch": Entry(
            "layercut.figures.difference_to_scratch:compute", "difference to training from scratch by fraction"
        ),
        "accuracy_by_fraction": Entry(
            "layercut.figures.accuracy_by_fraction:compute", "mean test accuracy against the fraction, one line per cut"
        ),
        "mean_heatmap": Entry("layercut.figures.mean_heatmap:compute", "mean test accuracy by cut and fraction"),
        "accuracy_by_parameters": Entry(
            "layercut.figures.accuracy_by_parameters:compute",
            "test accuracy against parameters and operations, with the Pareto front",
        ),
        "accuracy_bars": Entry("layercut.figures.accuracy_bars:compute", "mean test accuracy by cut as bars"),
        "accuracy_surface": Entry(
            "layercut.figures.accuracy_surface:compute", "mean test accuracy over cut and fraction as a surface"
        ),
        "learning_curves": Entry(
            "layercut.figures.learning_curves:compute", "loss and accuracy by epoch, best cut of each strategy"
        ),
        "learning_rates": Entry(
            "layercut.figures.learning_rates:compute",
            "validation accuracy of pilots by learning rate, and the rate chosen",
        ),
        "class_scores": Entry("layercut.figures.class_scores:compute", "F1 of each class, best cut of each strategy"),
        "confusion_matrix": Entry(
            "layercut.figures.confusion_matrix:compute",
            "classes confused with each other, best and worst kept condition",
        ),
        "confusion_extremes": Entry(
            "layercut.figures.confusion_extremes:compute",
            "classes confused with each other, best and worst setting",
        ),
        "predicted_examples": Entry(
            "layercut.figures.predicted_examples:compute", "a test image of each class with its prediction"
        ),
        "feature_maps": Entry(
            "layercut.figures.feature_maps:compute", "the first block's output for a test image, channel by channel"
        ),
        "sample_images": Entry(
            "layercut.figures.sample_images:compute", "training images of the source and the target"
        ),
        "source_accuracy": Entry(
            "layercut.figures.source_accuracy:compute", "accuracy of sources on their own task during pretraining"
        ),
        "timing": Entry("layercut.figures.timing:compute", "seconds per trial by cut"),
        "probe_scoreboard": Entry(
            "layercut.figures.probe_scoreboard:compute", "accuracy lost by choosing the cut by a probe, with baselines"
        ),
        "probe_by_layer": Entry("layercut.figures.probe_by_layer:compute", "each probe's score by layer"),
        "probe_rank_correlation": Entry(
            "layercut.figures.probe_rank_correlation:compute", "rank correlation of probes with transfer by layer"
        ),
        "cluster_boxes": Entry(
            "layercut.figures.cluster_boxes:compute", "agreement of clusters with classes by layer, as box plots"
        ),
        "features_scatter": Entry(
            "layercut.figures.features_scatter:compute",
            "features of images by layer (t-SNE), coloured by class and by cluster",
        ),
        "dissimilarity_matrices": Entry(
            "layercut.figures.dissimilarity_matrices:compute",
            "dissimilarity of images at each layer, sorted by class (RSA)",
        ),
        "dissimilarity_histograms": Entry(
            "layercut.figures.dissimilarity_histograms:compute", "dissimilarity of images of the same and other classes"
        ),
        "rsa_matrices": Entry(
            "layercut.figures.rsa_matrices:compute",
            "how similarly layers of source and target model represent images (RSA)",
        ),
        "mds_map": Entry("layercut.figures.mds_map:compute", "layers of source and target model as a map (MDS)"),
    },
)


def charts_of(name: str, tables: StudyTables | Results, **options: Any) -> list[tuple[Context, Chart]]:
    """Return the figure `name` for each context that has its data, from a study, its results table or its path.

    `options` are those of the figure, such as `scratch="box"` of `cut_boxes` or `of="median"` of
    `difference_to_scratch`.

    Raises:
        UnknownNameError: no such figure.
        UserError: it has no such option, or the option cannot be that.
    """
    from layercut.figures.rates import with_own_rates  # noqa: PLC0415 - listing names needs no pandas
    from layercut.figures.study_tables import StudyTables  # noqa: PLC0415

    compute = FIGURES[name]
    _check_options(name, compute, options)
    parts = StudyTables.of(tables).contexts()
    charts = [(context, with_own_rates(name, compute(part, **options), part)) for context, part in parts]
    return [(context, chart) for context, chart in charts if chart is not None]


def options_of(compute: Figure) -> dict[str, tuple[Any, ...]]:
    """Return the options of a figure and what each may be, the default first.

    Example:
        >>> options_of(FIGURES["cut_boxes"])
        {'scratch': ('line', 'box')}
    """
    keywords = [p.name for p in inspect.signature(compute).parameters.values() if p.kind is p.KEYWORD_ONLY]
    hints = get_type_hints(compute, localns=_types()) if keywords else {}
    return {name: get_args(hints[name]) for name in keywords}


def _check_options(name: str, compute: Figure, options: dict[str, Any]) -> None:
    known = options_of(compute) if options else {}
    for option, value in options.items():
        if option not in known:
            has = "; it has " + ", ".join(known) if known else "; it has none"
            raise UserError(f"the figure {name} has no option {option!r}{did_you_mean(option, list(known))}{has}")
        if value not in known[option]:
            legal = ", ".join(map(repr, known[option]))
            raise UserError(f"expected {option} of the figure {name} to be one of {legal}; got {value!r}")


def _types() -> dict[str, Any]:
    from layercut.charts import Chart  # noqa: PLC0415 - listing names needs no pandas
    from layercut.figures.study_tables import StudyTables  # noqa: PLC0415

    return {"Chart": Chart, "StudyTables": StudyTables}
