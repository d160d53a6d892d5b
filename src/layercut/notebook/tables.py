"""The best cuts as a table."""

from __future__ import annotations

import pandas as pd

from layercut.figures import words
from layercut.stats import best_cuts as _best_cuts
from layercut.stats.design import context_columns
from layercut.stats.tables import Results, results_of

_FIELDS = (
    "fraction", "strategy", "cut", "num_blocks", "chosen_on", "num_candidates", "num_replicates",
    "mean_validation", "mean_test", "mean_scratch",
)  # fmt: skip


def best_cuts(results: Results, by_strategy: bool = False) -> pd.DataFrame:
    """Return one row with the best condition for each context and fraction, or for each strategy there.

    Chosen on validation accuracy, reported on test accuracy, or both by the study's other metric; a fraction without
    any has no row. Columns: those of the context; `fraction`, `strategy`, `cut`, `num_blocks`; `chosen_on`,
    `num_candidates`, `num_replicates`; `mean_validation`, `mean_test`, `mean_scratch`; `difference` to scratch with its
    95 % interval `low`, `high`, and `p_holm` (missing where scratch was chosen); `indistinguishable`, the rivals that
    the data cannot tell apart from it. Accuracies are 0..1. `layercut.stats.best_cuts` returns the same as objects.
    """
    results = results_of(results)
    columns = context_columns(results)
    rows = []
    for best in _best_cuts(results, by_strategy=by_strategy):
        named = best.context.by_column()
        row = {name: named[name] for name in columns} | {field: getattr(best, field) for field in _FIELDS}
        contrast = best.contrast
        row |= {
            "difference": contrast.mean_difference if contrast else float("nan"),
            "low": contrast.low if contrast else float("nan"),
            "high": contrast.high if contrast else float("nan"),
            "p_holm": best.p_holm,
            "indistinguishable": ", ".join(words.condition_name(*point) for point in best.indistinguishable),
        }
        rows.append(row)
    names = [*columns, *_FIELDS, "difference", "low", "high", "p_holm", "indistinguishable"]
    return pd.DataFrame(rows, columns=names)
