"""What may be recommended, and what is known of it so far: plain values, without test accuracies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from layercut.errors import UserError
from layercut.ledger import Ledger
from layercut.metrics import Metric

if TYPE_CHECKING:  # reading a recommendation needs no torch
    from layercut.plan.expand import Plan
    from layercut.plan.jobs import Condition


class Arm(NamedTuple):
    """One condition of the plan."""

    key: str
    """Of the condition."""
    strategy: str
    cut: int
    num_blocks: int
    left: float
    """Share of the blocks that the model still has."""
    frozen: float
    """Share of the blocks that lie below everything that is trained."""
    rate: float | None
    """Learning rate of what comes from the source; None: nothing is trained, the head is solved."""
    flops: int
    """Estimated operations of a trial."""
    model: str = ""
    """Its name; empty where there is only one."""
    num_parameters: int = 0
    """Of all its blocks; 0: not known."""
    cutless: bool = False
    """Whether the strategy does the same at every cut."""
    treatment: str = ""
    """What is done, as a sentence begins."""

    @property
    def solved(self) -> bool:
        """Whether nothing is trained."""
        return self.rate is None


class Seen(NamedTuple):
    """What a trial that was done says to the decision: nothing of test images."""

    key: str
    """Of the condition."""
    replicate: int
    score: float | None
    """Accuracy, or other metric of the study, on images that were held out, each once; None: there were none, or the
    trial failed."""
    loss: float | None
    seconds: float
    failed: bool = False


class ArmTrial(NamedTuple):
    """What is to be done next."""

    key: str
    replicate: int


def arms_of(plan: Plan, model: str = "", with_scratch: bool = False) -> tuple[Arm, ...]:
    """Return the conditions worth trying, in their order.

    `with_scratch`: all conditions.

    Where only a new head is trained, solving it is better; where nothing of the source is left, nothing is recommended
    that takes a training.

    Raises:
        UserError: learning rates are left to pilots, which a recommendation has none of.
    """
    if plan.open:
        raise UserError(
            "expected one `transfer.training.lr`; got a list: a recommendation tries rates by itself, three for each "
            "training; a study for `layercut run` chooses from a list"
        )
    worth = (
        one for one in plan.conditions if with_scratch or one.head == "solved" or (one.treatment.trained and one.source)
    )
    return in_order(_arm(one, model) for one in worth)


def in_order(arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """Return arms in order: those whose head is solved first, then the cheap before the dear."""
    return tuple(sorted(arms, key=lambda arm: (not arm.solved, arm.flops, arm.key)))


def _arm(condition: Condition, model: str) -> Arm:
    from layercut.plan.cuts import is_cutless  # noqa: PLC0415 - reading a recommendation needs no torch
    from layercut.strategies.base import instruction_of  # noqa: PLC0415 - likewise

    treated, config = condition.treatment, condition.training
    rate = None if condition.head == "solved" else config.lr * config.kept_lr_scale
    return Arm(
        condition.key,
        condition.strategy,
        condition.cut,
        treated.num_blocks,
        treated.num_left / max(1, treated.num_blocks),
        treated.trunk / max(1, treated.num_blocks),
        rate,
        condition.flops,
        model,
        sum(condition.model.block_parameters),
        is_cutless(condition.does, treated.num_blocks, condition.keep_hidden),
        instruction_of(condition.does, treated, condition.model.block_names),
    )


def usual_arm(arms: Iterable[Arm]) -> str:
    """Return the key of the head that is solved on the features of the whole network; empty where there is none."""
    return next((arm.key for arm in arms if arm.solved and arm.left == 1.0), "")


def seen_in(ledgers: Iterable[Ledger], trials: Iterable[ArmTrial], metric: Metric) -> list[Seen]:
    """Return what ledgers have of some trials, in their order; one that is not done is left out."""
    found: dict[ArmTrial, Seen] = {}
    for ledger in ledgers:
        for one in ledger.trials():
            trial = ArmTrial(one.condition, one.replicate)
            score = getattr(one, f"validation_{metric}")
            found[trial] = Seen(*trial, score, one.validation_loss, one.wall_seconds or 0.0)
        for failure in ledger.failures():
            if failure.condition is not None and failure.replicate is not None:
                trial = ArmTrial(failure.condition, failure.replicate)
                found.setdefault(trial, Seen(*trial, None, None, failure.wall_seconds or 0.0, failed=True))
    return [found[trial] for trial in trials if trial in found]
