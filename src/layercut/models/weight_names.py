"""Names in a user's weight file: prefixes that wrappers add are removed, and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from torch import nn

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError, few
from layercut.models.base import CuttableModel

_WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Of `DataParallel`, `torch.compile`, and training frameworks."""

_TRAINED = ("encoder_q",)
"""Of several copies of a model in one file the one that was trained; the others follow it."""

_MOST = 3


class NamedWeights(NamedTuple):
    """The values of a file under the names of one of several formats."""

    values: WeightFile
    format: int | None
    """Which of the formats fits best; None: none has a name in common."""


def unwrapped(values: WeightFile, formats: Iterable[Collection[str]]) -> NamedWeights:
    """Return the values under the names that a model has, without what a wrapper put in front of all of them.

    formats: for each way of naming, the names that it has for this model.

    Raises:
        CheckpointError: the file holds several copies of the model.
    """
    counted = [(index, _prefixes(values, set(names))) for index, names in enumerate(formats)]
    most, index = max(((max(hits.values(), default=0), -index) for index, hits in counted), default=(0, 0))
    if most == 0:
        return NamedWeights(_without(values, _common_wrapper(values)), None)
    hits = counted[-index][1]
    return NamedWeights(_without(values, _chosen([prefix for prefix, n in hits.items() if n == most])), -index)


def with_classifier(values: WeightFile, model: nn.Module, classifier: str) -> tuple[WeightFile, bool]:
    """Return the values with a classifier of the model's own where the file has none that fits, and whether it has one.

    A classifier is new on every target, so weights may come without one, or with a head of another kind.
    """
    names = [name for name, _ in model.named_parameters() if name.startswith(f"{classifier}.")]
    state = model.state_dict()
    fits = all(name in values and values[name].shape[1:] == state[name].shape[1:] for name in names)
    filled = values.like(
        (name, value) for name, value in values.items() if fits or not name.startswith(f"{classifier}.")
    )
    others = [name for name in values if name not in filled]
    if others:
        filled.notes.append(f"its head is left out, as a classifier is new on every target: {few(others, _MOST)}")
    return (filled, True) if fits else (filled.like([*filled.items(), *((n, state[n]) for n in names)]), False)


def own_names(filled: WeightFile, model: CuttableModel, has_classifier: bool) -> WeightFile:
    """Return what was read from a file into a model under our names, the classifier only where it was in the file."""
    state = model.state_dict()
    return WeightFile(
        ((name, value) for name, value in state.items() if has_classifier or not name.startswith("head.out.")),
        notes=filled.notes,
    )


def _prefixes(values: Collection[str], wanted: Collection[str]) -> Counter[str]:
    """Count for each prefix how many names of the file are a wanted one behind it."""
    hits: Counter[str] = Counter()
    for name in values:
        start = 0
        while True:
            if name[start:] in wanted:
                hits[name[:start]] += 1
            dot = name.find(".", start)
            if dot < 0:
                break
            start = dot + 1
    return hits


def _chosen(prefixes: list[str]) -> str:
    if "" in prefixes or len(prefixes) == 1:
        return "" if "" in prefixes else prefixes[0]
    trained = [prefix for prefix in prefixes if prefix.rstrip(".").rpartition(".")[2] in _TRAINED]
    if len(trained) != 1:
        raise CheckpointError(
            f"the file holds {len(prefixes)} copies of the model, under {few(prefixes, _MOST)}: save the one that is "
            "meant by itself"
        )
    return trained[0]


def _common_wrapper(values: Collection[str]) -> str:
    prefix = ""
    while True:
        wrapper = next((w for w in _WRAPPERS if values and all(name.startswith(prefix + w) for name in values)), None)
        if wrapper is None:
            return prefix
        prefix += wrapper


def _without(values: WeightFile, prefix: str) -> WeightFile:
    if not prefix:
        return values
    found = values.like(
        ((name.removeprefix(prefix), value) for name, value in values.items() if name.startswith(prefix)), prefix
    )
    left_out = [name for name in values if not name.startswith(prefix)]
    more = f"; left out: {few(left_out, _MOST)}" if left_out else ""
    found.notes.append(f"the prefix {prefix} is removed from its names{more}")
    return found
