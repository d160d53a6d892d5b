"""Class weights of a target's trainings, from the study file's names to the order of the labels."""

from __future__ import annotations

from collections.abc import Sequence

from layercut.data.classes import same_name
from layercut.errors import did_you_mean, few, visible
from layercut.plan.overrides import target_place
from layercut.spec import StudySpec, TrainingSpec
from layercut.training.class_weights import ClassWeights

_MOST_NAMES = 20
"""Classes that a message lists."""


def target_weights(
    spec: StudySpec,
    target_index: int,
    levels: Sequence[tuple[str, str]],
    training: TrainingSpec,
    class_names: Sequence[str],
) -> ClassWeights:
    """Return the weights of one target's classes under some levels of the factors; 1 where the study names none.

    Raises:
        SpecError: the study names a class that the target does not have.
    """
    given = training.class_weights
    if not isinstance(given, dict):
        return given
    known = {same_name(name): index for index, name in enumerate(class_names)}
    weights = [1.0] * len(class_names)
    for name, weight in given.items():
        if same_name(name) not in known:
            classes = few([visible(one) for one in class_names], _MOST_NAMES)
            raise spec.error(
                target_place(spec, target_index, levels, "class_weights"),
                f"expected names of the target's classes ({classes}); "
                f"got {visible(name)!r}{did_you_mean(name, class_names)}",
            )
        weights[known[same_name(name)]] = weight
    return tuple(weights)
