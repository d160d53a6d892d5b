"""The study behind a recommendation: what may be tried on so many labelled images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layercut.errors import UserError
from layercut.plan.candidate import Candidate, study_content, typed_for
from layercut.recommending.curve import MOST_REPLICATES
from layercut.spec import StudySpec
from layercut.spec.load import make_study

SOLVED = "linear_probe"
TRAINED = ("finetune", "lp_finetune", "freeze", "truncate", "norm_only")
"""Strategies that are trained, of which each answers another question: all of it, from a new head or a solved one,
above a frozen trunk, a smaller network, and little enough for few images."""

_HEAD_RATE = 1e-3
RATES = {"1e-4": 0.1, "3e-4": 0.3, "1e-3": 1.0}
"""Learning rates of what comes from the source, and what share of the new head's they are."""

_FEW = 200
"""With fewer labelled images than this, folds are many."""


_OWN = ("transfer.fractions", "transfer.replicates", "transfer.validation", "keep", "name", "seed", "source", "probes")
"""Keys of the study that a recommendation rests on, or that are said otherwise."""


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse to change what a recommendation rests on.

    Raises:
        UserError: that is asked for.
    """
    for override in overrides:
        key = override.partition("=")[0]
        if any(key == own or key.startswith((f"{own}.", f"{own}[")) for own in _OWN):
            raise UserError(
                f"--set {override}: a recommendation chooses on all labelled images, held out in folds, and has its "
                "own replicates; expected a key of target, model, normalization, transfer.training, transfer.cuts or "
                "transfer.strategies, or a study for `layercut run`"
            )


def study_name(candidates: Sequence[Candidate], data: str) -> str:
    """Return a name for the study, which is that of a folder, too."""
    path = Path(data).expanduser().resolve()
    place = data if not path.exists() else path.parent.name if path.is_file() else path.name
    parts = ("recommend", place, *(one.model.rpartition("/")[2] for one in candidates))
    return "-".join(re.sub(r"[^\w.-]+", "-", part) for part in parts)


def first_look(candidate: Candidate, data: str, overrides: Sequence[str]) -> StudySpec:
    """Return the smallest study of a model and its images: its plan tells how many there are.

    Raises:
        UserError: something given cannot be used.
    """
    transfer = {"strategies": [SOLVED], "cuts": [0], "replicates": 1, "validation": "folds"}
    content = study_content(candidate, data, None, overrides) | {"name": "look", "transfer": transfer}
    looked_at = [one for one in overrides if not one.startswith(("transfer", "keep"))]
    return make_study(content, looked_at, typed_for(candidate, data))


def recommendation_study(
    candidate: Candidate, data: str, num_images: int, seed: int, overrides: Sequence[str]
) -> StudySpec:
    """Return the study whose trials a recommendation chooses from.

    Raises:
        UserError: something given cannot be used.
    """
    transfer = {
        "cuts": "stages",
        "strategies": [SOLVED, *TRAINED],
        "fractions": [1.0],
        "replicates": MOST_REPLICATES,
        "validation": "folds",
        "num_folds": 5 if num_images < _FEW else 3,
        "training": _training(num_images),
        "factors": {"rate": {level: {"kept_lr_scale": share} for level, share in RATES.items()}},
    }
    content = study_content(candidate, data, None, overrides) | {
        "name": study_name([candidate], data),
        "seed": seed,
        "transfer": transfer,
        "keep": {"what": ["weights"], "replicates": 1},
    }
    return make_study(content, overrides, typed_for(candidate, data))


def _training(num_images: int) -> dict[str, Any]:
    """Return how what is trained is trained: steps enough for few images, not too many for many."""
    batch_size = 8 if num_images < 50 else 16 if num_images < _FEW else 32
    return {
        "optimizer": "adam",
        "lr": _HEAD_RATE,
        "epochs": 10,
        "min_steps": 60,
        "patience": None,
        "restore_best_weights": False,
        "batch_size": batch_size,
        "lr_schedule": "cosine",
        "freeze_norm_statistics": True,
    }
