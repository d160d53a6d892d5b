"""How rows of a file and records correspond, in both directions.

What a record cannot hold (a percentage written `1` instead of `1.0`, an unknown field) is kept beside it as
*differences*, so that an imported file is exported with equal values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from layercut.interop.mp_tl_study.files import BASELINE_CUT
from layercut.records import ConditionName, ProbeRecord, TrialRecord

SCORES = {"Precision": "precision", "Recall": "recall", "Accuracy": "accuracy", "ARI": "ari"}
"""Fields of the cluster file and the scores they become."""

_DATASETS = {"source": "Pretrain", "target": "Finetune"}


def trial_row(name: ConditionName, trial: TrialRecord, rate: float | None) -> dict[str, Any]:
    """Return the row of a trial; `rate` is the learning rate."""
    return {
        "lr": rate,
        "sampled_percentage": name.fraction,
        "sampled_cut_point": BASELINE_CUT if name.strategy == "scratch" else name.cut,
        "repeat": trial.replicate,
        "train_acc": trial.train_accuracy,
        "test_acc": trial.test_accuracy,
    }


def probe_row(probe: ProbeRecord) -> dict[str, Any]:
    """Return the row of a clustering probe."""
    return {
        "Percentage": probe.fraction,
        "Repeat": probe.replicate,
        "Layer": file_layer(probe.layer),
        **{field: probe.scores[score] for field, score in SCORES.items() if score in probe.scores},
        "Dataset": _DATASETS.get(probe.dataset, probe.dataset),
        "Split": probe.split.capitalize(),
    }


def file_layer(layer: str) -> str:
    """Return how the files call a layer: their `conv0` is what the first activation sees.

    What lies behind a whole block of convolution, activation and pooling has no name of theirs.

    Example:
        >>> file_layer("conv0.pre"), file_layer("conv0"), file_layer("output")
        ('conv0', 'conv0.block', 'output')
    """
    if re.fullmatch(r"conv\d+\.pre", layer):
        return layer.removesuffix(".pre")
    return f"{layer}.block" if re.fullmatch(r"conv\d+", layer) else layer


def our_layer(name: str) -> str:
    """Return the layer that `file_layer` calls so.

    Example:
        >>> our_layer("conv0"), our_layer("conv0.block")
        ('conv0.pre', 'conv0')
    """
    if re.fullmatch(r"conv\d+", name):
        return f"{name}.pre"
    return name.removesuffix(".block") if re.fullmatch(r"conv\d+\.block", name) else name


def probed_task(dataset: str) -> str:
    """Return which task's images a cluster row is about: `source`, `target`, or the file's own word."""
    word = dataset.lower().replace("-", "").replace("_", "").replace(" ", "")
    return {"finetune": "target", "pretrain": "source"}.get(word, dataset)


def differences(row: Mapping[str, Any], standard: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `row` that `standard` lacks or holds differently, types included.

    A field that only `standard` has is listed with the value `{"absent": true}`.
    """
    changed = {key: value for key, value in row.items() if key not in standard or not _same(value, standard[key])}
    return changed | {key: dict(_ABSENT) for key in standard if key not in row}


def apply_differences(standard: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of which `changed` are the differences."""
    return {key: value for key, value in {**standard, **changed}.items() if value != _ABSENT}


_ABSENT = {"absent": True}


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124 - NaN
