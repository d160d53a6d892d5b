"""Solved heads in a plan: what affects them, what they cost, what to warn of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from layercut.keys import canonical_json
from layercut.models import MODELS
from layercut.models.base import seeded_head
from layercut.plan.cost import Images, ModelCost, Phase, own_trunk_flops, training_length, trial_flops
from layercut.plan.jobs import Condition, ModelRef
from layercut.strategies.treatment import HeadKind, Treatment
from layercut.training.axes import MOST_AXES
from layercut.training.config import TrainingConfig
from layercut.training.solved import STRENGTHS

_ITERATIONS = 30
"""Of the solver at each strength, from the solution before: more where the penalty is weak."""


def solved_config(config: TrainingConfig) -> TrainingConfig:
    """Return what is left of a training where the head is solved: how images become inputs, in what precision, how much
    each class counts, and by what it is judged."""
    return TrainingConfig(
        optimizer="lbfgs",
        lr=0.0,
        weight_decay=0.0,
        epochs=1,
        patience=None,
        batch_size=1,
        precision=config.precision,
        mean=config.mean,
        std=config.std,
        class_weights=config.class_weights,
        adapt_norms=config.adapt_norms,
        classification_report=config.classification_report,
        metric=config.metric,
    )


def solving_flops(
    cost: ModelCost, treatment: Treatment, config: TrainingConfig, images: Images, num_classes: int, num_folds: int
) -> int:
    """Return the operations of a head that is solved, features of the blocks above a stored trunk among them.

    `num_folds`: 0 without a cross-validation.
    """
    last, num_images = treatment.num_left, images.train // max(1, num_folds)
    forward = cost.trunk_flops[last] - cost.trunk_flops[treatment.trunk] + cost.head_flops[last]
    num_features = max(1, cost.head_flops[last] // (2 * num_classes))
    axes, step = _axes_and_step(num_images, num_features, num_classes)
    paths = (num_folds or int(images.validation > 0)) * path_flops(num_images, num_features, num_classes)
    once = images_once(images, num_folds)
    own_trunk = own_trunk_flops(cost, treatment, config, once, 0)
    return forward * sum(once) + own_trunk + paths + axes + 2 * _ITERATIONS * step


def images_once(images: Images, num_folds: int) -> Images:
    """Return the images that a head is solved, chosen and tested on, each once: all folds see the same features."""
    return images._replace(train=images.train // max(1, num_folds), validation=0 if num_folds else images.validation)


def path_flops(num_images: int, num_features: int, num_classes: int) -> int:
    """Return the operations of solving a head at one strength after another."""
    axes, step = _axes_and_step(num_images, num_features, num_classes)
    return axes + len(STRENGTHS) * _ITERATIONS * step


def _axes_and_step(num_images: int, num_features: int, num_classes: int) -> tuple[int, int]:
    """Return the operations of turning features to their axes, and of one evaluation of loss and gradient there."""
    num_columns = min(num_images, num_features)
    turned = num_columns <= MOST_AXES
    axes = 2 * num_images * num_features * num_columns + 10 * num_columns**3 if turned else 0
    return axes, 4 * num_images * (num_columns if turned else num_features) * num_classes


def trial_work(
    head: HeadKind,
    cost: ModelCost,
    treatment: Treatment,
    config: TrainingConfig,
    images: Images,
    num_train: int,
    num_classes: int,
    num_folds: int,
    phases: Sequence[Phase],
) -> int:
    """Return the operations of one trial; the largest of its models is trained on `num_train` images.

    `phases` are those of a training in which not all blocks are trained from the beginning.
    """
    solving = 0 if head == "trained" else solving_flops(cost, treatment, config, images, num_classes, num_folds)
    if head == "solved":
        return solving
    length = training_length(config, num_train)
    own_trunk = own_trunk_flops(cost, treatment, config, images, length.epochs)
    return solving + trial_flops(cost, treatment, images, length, own_trunk, phases)


def hidden_warnings(conditions: Iterable[Condition]) -> Iterator[str]:
    """Say which heads are solved behind hidden layers that are as they were drawn."""
    found: dict[tuple[str, str], set[int]] = {}
    for condition in conditions:
        if condition.head == "trained":
            continue
        left, model = condition.treatment.num_left, condition.model
        kept = condition.keep_hidden and left == model.num_blocks
        if not kept and _has_hidden(model, left):
            found.setdefault((condition.strategy, model.label), set()).add(condition.cut)
    for (strategy, label), cuts in found.items():
        yield (
            f"{label}: {strategy} at cut {', '.join(map(str, sorted(cuts)))} solves the classifier behind hidden "
            "layers of random values; take a model without them, or `head: keep_hidden`, which keeps the source's at "
            "the last cut"
        )


def _has_hidden(model: ModelRef, cut: int) -> bool:
    return _drawn(model.name, canonical_json(model.options), model.feature_shapes[cut])


@lru_cache(maxsize=256)
def _drawn(name: str, options: str, feature_shape: tuple[int, ...]) -> bool:
    """Return whether a new head draws more values than its classifier's."""
    family = MODELS[name]
    head = seeded_head(family, family.options.model_validate_json(options), feature_shape, num_classes=2, seed=0)
    return any(not name.startswith("out.") for name, _ in head.named_parameters())
