"""Models that a GPU cannot train twice to the same bits: found while planning, because PyTorch refuses them midway."""

from __future__ import annotations

from collections.abc import Collection

from layercut.errors import UserError, few
from layercut.plan.expand import Plan
from layercut.plan.jobs import ModelRef

_MOST = 3


def unrepeatable(plan: Plan) -> list[str]:
    """Return what of a plan goes backwards through an operation that does not give the same bits twice on a GPU.

    In words, each thing once; nothing for what is frozen below everything that is trained.
    """
    found = {}
    for job in plan.sources:
        if job.kind == "train":
            found[f"pretraining of {job.model.label}", _operation(job.model, range(job.model.num_blocks), None)] = True
    for condition in plan.conditions:
        treated = condition.treatment
        cut = treated.num_left if treated.num_left < treated.num_blocks else None
        operation = _operation(condition.model, treated.trained, cut)
        found[f"{condition.strategy} of {condition.model.label}", operation] = True
    return [f"{what} ({operation})" for what, operation in found if operation]


def require_repeatable(plan: Plan) -> None:
    """Refuse what a GPU could not train to the same bits twice.

    Raises:
        UserError: there is some; says what, and each way out.
    """
    found = unrepeatable(plan)
    if found:
        raise UserError(
            "on a GPU these would not give the same records twice, because an operation in them has no deterministic "
            f"backward pass in PyTorch: {few(found, _MOST)}; train on --device cpu, freeze all blocks up to it, or "
            "accept records that differ in their last bits with --nondeterministic"
        )


def _operation(model: ModelRef, trained: Collection[int], cut: int | None) -> str:
    """Return an operation that gradients pass on their way to what is trained; `cut`: where the model is truncated."""
    top = model.num_blocks if cut is None else cut
    parts = [*model.block_unrepeatable[:top], *model.head_unrepeatable[top : top + 1]]
    lowest = min(trained, default=top)
    passed = [part.own if index == lowest else part.inputs for index, part in enumerate(parts) if index >= lowest]
    return next((operation for operation in passed if operation), "")
