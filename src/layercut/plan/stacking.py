"""Which replicates are trained as one model: decided by the plan alone, never by the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod

from layercut.plan.cost import ModelCost
from layercut.plan.jobs import Condition, ModelRef
from layercut.strategies.treatment import Treatment
from layercut.training.batches import chunk_size, stacked_chunk_size
from layercut.training.rows import RESIDENT_FRACTION

MAX_MEMBERS = 32
"""More gain nothing: thirty small models keep a GPU busy."""

GROUP_BYTES = 2**33
"""Memory of one group in training."""

_BESIDE_BYTES = 5 * 2**30
"""Activations of a group in evaluation, and what CUDA takes for itself."""

_ACTIVATION_COPIES = 6
"""A block's largest features as outputs of convolution and activation, as copies in another order, as gradients."""

_PARAMETER_COPIES = 5
"""Values, gradients, two moments of the optimizer, best values."""

_TRUNK_CHUNK = 64
"""Maximum number of images at a time: a single image costs a whole chunk."""

_STACKED_TRUNK_CHUNK = 256
_STACKED_TRUNK_BYTES = 2**26


def group_size(
    model: ModelRef,
    cost: ModelCost,
    treatment: Treatment,
    batch_size: int,
    num_replicates: int,
    lr_schedule: str = "none",
) -> int | None:
    """Return how many replicates of a condition that trains some blocks make one model; groups are as equal as can be.

    None: each replicate is trained by itself, because there is only one, or as `why_alone` says.
    """
    if num_replicates == 1 or why_alone(model, cost, treatment, batch_size, lr_schedule) is not None:
        return None
    most = min(MAX_MEMBERS, GROUP_BYTES // member_bytes(model, cost, treatment, batch_size))
    num_groups = -(-num_replicates // most)
    return -(-num_replicates // num_groups)


def workers_on_gpu(gpu_bytes: int) -> int:
    """Return how many workers a GPU has room for, so that one computes while another launches: at least one.

    Each takes a group, what is beside it, and arrays that stay on the GPU (`training/rows.py`): 1 worker on 24 or
    48 GiB, 2 on 80 GiB.
    """
    needed = GROUP_BYTES + _BESIDE_BYTES + int(RESIDENT_FRACTION * gpu_bytes)
    return max(1, gpu_bytes // needed)


def why_alone(
    model: ModelRef, cost: ModelCost, treatment: Treatment, batch_size: int, lr_schedule: str = "none"
) -> str | None:
    """Return why models that train these blocks are not trained as one; None where they can be."""
    if lr_schedule == "plateau":
        return "with lr_schedule plateau each has a learning rate of its own"
    trained = [model.block_names[block] for block in treatment.trained]
    drawing = [name for name in trained if name in model.random_blocks]
    if drawing:
        return f"{', '.join(drawing)} draw at random in training"
    if model.random_head:
        return "the head draws at random in training"
    needed = member_bytes(model, cost, treatment, batch_size)
    if needed > GROUP_BYTES // 2:
        return f"each needs up to {needed / 2**30:.1f} GiB"
    return None


def alone_warnings(conditions: Iterable[Condition], cost: ModelCost) -> Iterator[str]:
    """Say which conditions of one model train their replicates one by one although they were to be trained as one."""
    reasons: Counter[tuple[str, str | None]] = Counter()
    for condition in conditions:
        if condition.group is None and condition.num_replicates > 1:
            config = condition.training
            if condition.head == "solved":
                continue
            if condition.head == "solved_first":
                reasons[condition.model.label, "each starts from a head that is solved for it"] += 1
                continue
            if condition.training.adapt_norms and condition.trunk:
                reasons[condition.model.label, "each has a frozen trunk of its own, with adapted norms"] += 1
                continue
            if condition.num_folds:
                reasons[condition.model.label, "each is cross-validated"] += 1
                continue
            reason = why_alone(condition.model, cost, condition.treatment, config.batch_size, config.lr_schedule)
            reasons[condition.model.label, reason] += 1
    for (model, reason), count in reasons.items():
        yield f"{model}: {count} conditions train their replicates one by one, not stacked: {reason}"


def member_bytes(model: ModelRef, cost: ModelCost, treatment: Treatment, batch_size: int) -> int:
    """Estimate the memory that training above the trunk, and a new head, takes for one member."""
    sizes = [prod(shape) for shape in model.feature_shapes]
    trunk, last = treatment.trunk, treatment.num_left
    widest = [max(sizes[block : block + 2]) for block in range(trunk, last)]  # a pooling may come last in a block
    activations = batch_size * (sum(widest) + sizes[last])
    head_parameters = cost.head_flops[last] // 2  # a dense layer multiplies and adds once a parameter
    trained = sum(model.block_parameters[block] for block in treatment.trained) + head_parameters
    frozen = sum(model.block_parameters[block] for block in treatment.frozen if block >= trunk)
    return 4 * (_ACTIVATION_COPIES * activations + _PARAMETER_COPIES * trained + frozen)


def trunk_chunk(model: ModelRef, stacked: bool) -> int:
    """Return how many images at a time a frozen trunk computes; the same for every cut of a model."""
    largest = model.largest_features(0)
    if stacked:
        return min(stacked_chunk_size(largest, 1, _STACKED_TRUNK_BYTES), _STACKED_TRUNK_CHUNK)
    return min(chunk_size(largest), _TRUNK_CHUNK)
