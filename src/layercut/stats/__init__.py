"""Statistics over results tables; none of it imports torch."""

from layercut.stats.attainable import Unattainable, unattainable
from layercut.stats.best_cut import BestCut, best_cuts
from layercut.stats.contrast import (
    Contrast,
    SignedRankTest,
    contrasts_to_scratch,
    holm,
    paired_contrast,
    signed_rank_test,
)
from layercut.stats.curves import load_curve_averages
from layercut.stats.design import Context, contexts, finished
from layercut.stats.estimate import estimates
from layercut.stats.prediction import scoreboard, standings
from layercut.stats.tables import load_probes, load_results

__all__ = [
    "BestCut",
    "Context",
    "Contrast",
    "SignedRankTest",
    "Unattainable",
    "best_cuts",
    "contexts",
    "contrasts_to_scratch",
    "estimates",
    "finished",
    "holm",
    "load_curve_averages",
    "load_probes",
    "load_results",
    "paired_contrast",
    "scoreboard",
    "signed_rank_test",
    "standings",
    "unattainable",
]
