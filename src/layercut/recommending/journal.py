"""What was decided and when, in the ledger beside the records: a resumed recommendation goes on from here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from layercut.errors import UserError
from layercut.ledger import Ledger
from layercut.metrics import ACCURACY, Metric, chance, effective_images
from layercut.priors.belief import Belief
from layercut.recommending.arms import Arm, ArmTrial, Seen, seen_in
from layercut.recommending.decision import Reason, Setting, leader
from layercut.recommending.target import shown_accuracy

Ending = Reason | Literal["target"]
"""Why a recommendation ended: what a decision says, or that the target accuracy is reached."""

_ENTRY = "recommendation"
_FORMAT = 2
"""1: without what the end was expected to take."""


class Look(NamedTuple):
    """What the test images said of a model that was recommended."""

    accuracy: float
    loss: float
    """Mean log loss in nats."""
    num_images: int
    balanced_accuracy: float | None = None
    """This and the next two: None where an older version looked, which chose by accuracy."""
    macro_f1: float | None = None
    num_effective_images: float | None = None
    """As many in equal classes would tell a mean over classes as surely."""


@dataclass
class Step:
    """Trials that one decision chose."""

    trials: tuple[ArmTrial, ...]
    left_seconds: float
    """Of the budget, when it was taken, less what the end was expected to take."""
    seconds: float | None = None
    """How long they took; None: they are not done."""
    begun_again: bool = False
    """Whether an earlier call was interrupted in them, so that `seconds` are those of the last time."""


@dataclass
class Journal:
    """Everything about a recommendation that the records do not hold."""

    identity: str
    """Of the conditions that may be tried."""
    arms: tuple[Arm, ...]
    class_counts: dict[str, int]
    """Labelled images of each class."""
    num_workers: int
    has_test_images: bool
    notes: tuple[str, ...]
    planned_seconds: dict[str, float]
    """Of a trial of each arm on one worker, by what was measured before anything was tried."""
    steps: list[Step] = field(default_factory=list)
    budget_seconds: float = 0.0
    spent_seconds: float = 0.0
    begun_seconds: float = 0.0
    """Spent before the last call tried anything: by earlier calls, and by reading images and measuring the model."""
    tried_seconds: float = 0.0
    """Spent when its last trial was done."""
    reserved_seconds: float = 0.0
    """What comes after that was expected to take: the look at the test images, the model's folder and the page."""
    reason: Ending = ""
    """Why it ended; empty while it has not."""
    prior: str = ""
    """Hash of what earlier studies taught; empty: nothing."""
    beliefs: dict[str, Belief] = field(default_factory=dict)
    """What that says of each trained arm, by key: a recommendation goes on with what it began with."""
    target_accuracy: float | None = None
    """Of the last call: where this is shown to be reached, nothing more is tried."""
    margin: float | None = None
    """Of the last call, in 0..1: the recommended arm is to be shown to be within it of every rival."""
    num_validation: int | None = None
    """Images to choose by where they are not those of folds."""
    folders: dict[str, str] = field(default_factory=lambda: {"": "."})
    """Where the study of each model lies below the output directory; the only one has no name."""
    looks: dict[str, Look] = field(default_factory=dict)
    """At the test images, by the arm that was recommended when a call ended: one, unless a later call found better."""
    metric: Metric = ACCURACY
    """By which it chooses."""
    usual: str = ""
    """Key of the solved head that is recommended unless another arm is shown to be better; empty: none."""

    @property
    def trials(self) -> list[ArmTrial]:
        """Return all that was decided, in order."""
        return [trial for step in self.steps for trial in step.trials]

    @property
    def num_images(self) -> int:
        """Return the number of labelled images."""
        return sum(self.class_counts.values())

    @property
    def num_held_out(self) -> int:
        """Return how many images are to choose by: validation images, or all that are not alone in their class.

        None where all of these are of one class: who always names it would be right.
        """
        if self.num_validation is not None:
            return self.num_validation
        held_out = [count for count in self.class_counts.values() if count > 1]
        return sum(held_out) if len(held_out) > 1 else 0

    @property
    def is_out_of_fold(self) -> bool:
        """Return whether choices rest on all labelled images, each predicted once by a model that has not seen it."""
        return self.num_validation is None

    @property
    def num_judging(self) -> float:
        """Return `num_held_out`; for a metric over classes, how many in equal classes would tell as much."""
        if self.metric == ACCURACY:
            return self.num_held_out
        counts = [count for count in self.class_counts.values() if count > 1 or not self.is_out_of_fold]
        return effective_images(counts) * self.num_held_out / max(1, sum(counts))

    @property
    def chance(self) -> float:
        """Return what guessing gives on the images to choose by: of accuracy, the share of the most frequent class."""
        counts = list(self.class_counts.values())
        held_out = [count for count in counts if count > 1] if self.is_out_of_fold and self.num_held_out else counts
        return chance(self.metric, held_out)

    def seen_in(self, ledgers: Iterable[Ledger]) -> list[Seen]:
        """Return what was done of all that was decided; scores on images that tell nothing are left out."""
        found = seen_in(ledgers, self.trials, self.metric)
        return found if self.num_held_out else [one._replace(score=None, loss=None) for one in found]

    def setting(self) -> Setting:
        """Return what decisions rest on besides the records."""
        return Setting(
            self.arms,
            self.num_judging,
            self.chance,
            self.planned_seconds,
            self.num_workers,
            self.beliefs,
            self.is_out_of_fold,
            settles=self.margin is None,
            usual=self.usual,
        )

    def recommended(self, seen: Sequence[Seen]) -> Arm | None:
        """Return what its trials recommend; where nothing can be told apart, the most blocks with a solved head.

        None: nothing has a result.
        """
        failed = {one.key for one in seen if one.failed}
        done = {one.key for one in seen} - failed
        heads = [arm for arm in self.arms if arm.solved and arm.key in done]
        return leader(self.setting(), seen) or max(heads, key=lambda arm: arm.cut, default=None)

    def is_enough(self, seen: Sequence[Seen]) -> bool:
        """Return whether the recommended arm is shown to reach the accuracy aimed at."""
        best = self.recommended(seen)
        if self.target_accuracy is None or best is None:
            return False
        accuracies = [one.score for one in seen if one.key == best.key and one.score is not None]
        if not accuracies:
            return False
        mean = math.fsum(accuracies) / len(accuracies)
        return shown_accuracy(mean, self.num_held_out, len(self.arms)) >= self.target_accuracy

    def write(self, ledger: Ledger) -> None:
        """Write it down, in one transaction."""
        ledger.set_meta(_ENTRY, dataclasses.asdict(self) | {"format": _FORMAT})


def read_journal(ledger: Ledger) -> Journal | None:
    """Return what a ledger has; None where it is of no recommendation.

    Raises:
        UserError: a newer version wrote it.
    """
    values: dict[str, Any] | None = ledger.meta(_ENTRY)
    if values is None:
        return None
    if values.pop("format") > _FORMAT:
        raise UserError("a newer version of layercut made this recommendation; read it with that one")
    values["arms"] = tuple(Arm(*arm) for arm in values["arms"])
    values["notes"] = tuple(values["notes"])
    values["beliefs"] = {key: Belief(*belief) for key, belief in values.get("beliefs", {}).items()}
    values["steps"] = [
        Step(**step | {"trials": tuple(ArmTrial(*trial) for trial in step["trials"])}) for step in values["steps"]
    ]
    values["looks"] = {key: Look(*look) for key, look in values.get("looks", {}).items()}
    return Journal(**values)
