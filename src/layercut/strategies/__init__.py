"""Strategies by name. Listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.strategies.base import Strategy

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    {
        "scratch": Entry("layercut.strategies.scratch:SCRATCH", "nothing is transferred: a new model, the baseline"),
        "freeze_reinit": Entry(
            "layercut.strategies.grid:FREEZE_REINIT", "FR: trunk frozen; tail re-initialised and trained"
        ),
        "freeze": Entry("layercut.strategies.grid:FREEZE", "F: trunk frozen; tail kept and trained"),
        "reinit": Entry("layercut.strategies.grid:REINIT", "R: trunk trained; tail re-initialised and trained"),
        "finetune": Entry("layercut.strategies.grid:FINETUNE", "trunk and tail kept and trained"),
        "freeze_truncate": Entry("layercut.strategies.grid:FREEZE_TRUNCATE", "FT: trunk frozen; tail removed"),
        "truncate": Entry("layercut.strategies.grid:TRUNCATE", "T: trunk trained; tail removed"),
        "scratch_truncate": Entry(
            "layercut.strategies.scratch_truncate:SCRATCH_TRUNCATE",
            "T0: nothing is transferred, tail removed: the control for truncate",
        ),
        "linear_probe": Entry(
            "layercut.strategies.linear_probe:LINEAR_PROBE",
            "LP: trunk frozen; tail removed; linear head fitted by a solver",
        ),
        "lp_finetune": Entry(
            "layercut.strategies.lp_finetune:LP_FINETUNE",
            "LP-FT: linear head fitted by a solver, then everything trained",
        ),
        "train_block": Entry(
            "layercut.strategies.train_block:TRAIN_BLOCK",
            "all kept; only the last block below the cut trained",
        ),
        "train_blocks": Entry(
            "layercut.strategies.train_blocks:TRAIN_BLOCKS", "all kept; only the named blocks trained"
        ),
        "norm_only": Entry(
            "layercut.strategies.norm_only:NORM_ONLY", "all kept; only scale and shift of norms trained"
        ),
        "layer_decay": Entry(
            "layercut.strategies.layer_decay:LAYER_DECAY", "all kept and trained, each block slower than the one above"
        ),
        "l2_sp": Entry("layercut.strategies.l2_sp:L2_SP", "all kept and trained, pulled towards the source's values"),
        "bias_only": Entry("layercut.strategies.bias_only:BIAS_ONLY", "all kept; only biases trained"),
        "gradual_unfreeze": Entry(
            "layercut.strategies.gradual_unfreeze:GRADUAL_UNFREEZE",
            "all kept and trained, the head first, then group by group from the top down",
        ),
    },
)

__all__ = ["STRATEGIES"]
