"""A chosen condition that is clearly better than training from scratch."""

from layercut.stats import BestCut, Context, Contrast
from layercut.stats.design import DesignPoint

GAIN = BestCut(
    context=Context("a", "b", "m"),
    fraction=0.01,
    strategy="freeze_reinit",
    cut=4,
    num_blocks=6,
    chosen_on="validation",
    num_candidates=24,
    num_replicates=10,
    mean_validation=0.94,
    mean_test=0.933,
    mean_scratch=0.804,
    contrast=Contrast(10, 0.129, 0.101, 0.152, 0.002, 1.0),
    p_holm=0.0137,
    num_comparisons=7,
    num_train_images=270.0,
    num_validation_images=30.0,
    num_rivals=11,
    indistinguishable=(DesignPoint("freeze_reinit", 5), DesignPoint("finetune", None)),
    treatment="Keep 4 of 6 blocks (up to conv3), frozen, and re-initialise the rest",
)
