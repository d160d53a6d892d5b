"""Statistics over results tables; none of it imports torch."""

from layercut.stats.attainable import Unattainable, unattainable
from layercut.stats.best_cut import best_cuts, undecided
from layercut.stats.choice import BestCut, Undecided
from layercut.stats.contrast import Contrast, contrasts_to_scratch, holm, paired_contrast
from layercut.stats.curves import load_curve_averages
from layercut.stats.design import Context, contexts, finished
from layercut.stats.details import load_class_scores, load_sources
from layercut.stats.equivalence import EquivalenceTest, equivalence_test, good_enough
from layercut.stats.estimate import estimates
from layercut.stats.prediction import scoreboard, standings
from layercut.stats.probability import probability_best
from layercut.stats.probe_tables import load_probes
from layercut.stats.rank_by_layer import rank_by_layer
from layercut.stats.rank_sum import RankSumTest, rank_sum_test
from layercut.stats.ranking import pairwise_contrasts, rank_groups
from layercut.stats.settings import compare_settings
from layercut.stats.signed_rank import SignedRankTest, signed_rank_test
from layercut.stats.strategies import compare_strategies
from layercut.stats.studies import StudyComparison, compare_studies
from layercut.stats.tables import load_results

__all__ = [
    "BestCut",
    "Context",
    "Contrast",
    "EquivalenceTest",
    "RankSumTest",
    "SignedRankTest",
    "StudyComparison",
    "Unattainable",
    "Undecided",
    "best_cuts",
    "compare_settings",
    "compare_strategies",
    "compare_studies",
    "contexts",
    "contrasts_to_scratch",
    "equivalence_test",
    "estimates",
    "finished",
    "good_enough",
    "holm",
    "load_class_scores",
    "load_curve_averages",
    "load_probes",
    "load_results",
    "load_sources",
    "paired_contrast",
    "pairwise_contrasts",
    "probability_best",
    "rank_by_layer",
    "rank_groups",
    "rank_sum_test",
    "scoreboard",
    "signed_rank_test",
    "standings",
    "unattainable",
    "undecided",
]
