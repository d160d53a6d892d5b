"""A recommendation as it lies in its output directory: read from the ledger, without the study or its data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from layercut.errors import UserError
from layercut.ledger import Ledger, ledger_path
from layercut.recommending.arms import Arm, Seen, seen_in
from layercut.recommending.decision import expected_seconds
from layercut.recommending.journal import Journal, read_journal
from layercut.recommending.page import as_html, write_page
from layercut.recommending.told import Judged, arm_name, interval, judged, not_told_apart, untried, within_one_error
from layercut.records import TrialRecord
from layercut.report import words

if TYPE_CHECKING:
    from layercut.inference import Classifier

MODEL_FOLDER = "model"

_NUMBERS = ("num_parameters", "num_trained_parameters")

_MOST_NAMED = 5

_ENDS = {
    "worth": "no further trial was expected to gain 0.05 points",
    "all": "everything was tried",
    "budget": "no trial that was expected to pay fitted into the rest of the budget",
    "nothing held out": "no image could be held out to choose by",
}


@dataclass(frozen=True)
class Recommendation:
    """What to do with a model for some images; shows itself as text and in a notebook."""

    output_dir: Path
    lead: str
    """What to do, in one sentence."""
    evidence: tuple[str, ...]
    """How good that is, how surely, what it took, and what was not tried; a sentence each."""
    table: pd.DataFrame
    """A row for each condition that was tried or could have been, the recommended one first, then by accuracy."""

    @property
    def answer(self) -> str:
        """Return everything that is said, a sentence a line."""
        return "\n".join([self.lead, *(f"  {line}" for line in self.evidence)])

    @property
    def model(self) -> Classifier:
        """Return the recommended model, trained on all labelled images, in eval mode on the CPU."""
        from layercut.inference import load_model  # noqa: PLC0415 - reading an answer needs no torch

        return load_model(self.output_dir / MODEL_FOLDER, trust_code=True)  # its code ran when it was made here

    def report(self) -> Path:
        """Write `recommendation.html`, which needs nothing else, and return its path."""
        return write_page(self.output_dir, self._repr_html_())

    def __str__(self) -> str:
        return self.answer

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self.lead, self.evidence, self.table)


def read_recommendation(output_dir: str | PathLike[str]) -> Recommendation:
    """Return the recommendation in a directory, finished or not.

    Raises:
        UserError: there is none.
    """
    output_dir = ledger_path(output_dir).parent
    with Ledger(output_dir, read_only=True) as ledger:
        journal = read_journal(ledger)
        if journal is None:
            raise UserError(f"{output_dir} holds no recommendation; `layercut recommend` makes one")
        seen = seen_in(ledger, journal.trials)
        records = {one.condition: one for one in ledger.trials() if one.replicate == 0}
    best = journal.recommended(seen)
    if best is None:
        raise UserError(f"{output_dir} holds a recommendation of which nothing is done yet; run it again")
    rows = judged(journal.arms, seen)
    own = next(row for row in rows if row.arm == best)
    others = [row for row in rows if row is not own and _is_judged(row)]
    same = not_told_apart(own, others, journal.num_held_out) if _is_judged(own) else []
    lead = f"{words.phrase(best.strategy, best.cut, best.num_blocks)}{_rate(best)}."
    evidence = tuple(_evidence(journal, seen, own, same, records)) if _is_judged(own) else tuple(_none(journal, seen))
    return Recommendation(output_dir, lead, evidence, _table(journal, seen, rows, own, same, records))


def _evidence(
    journal: Journal, seen: Sequence[Seen], own: Judged, same: Sequence[Judged], records: dict[str, TrialRecord]
) -> Iterator[str]:
    low, high = interval(own.accuracy, journal.num_held_out)
    replicates = "" if own.num_replicates == 1 else f", mean of {own.num_replicates} replicates"
    yield (
        f"Out-of-fold accuracy {words.percent(own.accuracy)} (95 % interval {words.percent(low)} to "
        f"{words.percent(high)}) on {words.count(journal.num_held_out, 'labelled image')}{replicates}; the most "
        f"frequent class alone has {words.percent(journal.chance)}."
    )
    if alone := sum(count == 1 for count in journal.class_counts.values()):
        classes = words.count(alone, "class has", "classes have")
        yield f"{classes} one image, which says nothing of how it is recognised."
    if low <= journal.chance:
        yield "That is not clearly above chance: more labels are needed before anything here can be trusted."
    if same:
        by_accuracy = sorted(same, key=lambda row: -row.accuracy)
        names = [f"{arm_name(row.arm)}, {words.percent(row.accuracy)}" for row in by_accuracy]
        yield f"These labels do not tell it from: {'; '.join(names[:_MOST_NAMED])}{_more(names)}."
        yield from _cheaper(own, same, records, journal.num_held_out)
    record = records[own.arm.key]
    which = "test images" if journal.has_test_images else "images that were set aside, a fifth of each class"
    low, high = interval(record.test_accuracy, record.num_test_images or 0)
    yield (
        f"On {record.num_test_images:,} {which}, which no choice looked at: {words.percent(record.test_accuracy)} "
        f"({words.percent(low)} to {words.percent(high)})."
    )
    yield from _course(journal, seen)


def _more(names: Sequence[str]) -> str:
    return f"; and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""


def _cheaper(own: Judged, same: Sequence[Judged], records: dict[str, TrialRecord], num_images: int) -> Iterator[str]:
    sizes = {row.arm.key: records[row.arm.key].num_parameters or 0 for row in [own, *same] if row.arm.key in records}
    offered = [row for row in same if row.arm.key in sizes and within_one_error(own, row, num_images)]
    if not offered or not sizes.get(own.arm.key):
        return
    least = min(offered, key=lambda row: (sizes[row.arm.key], -row.accuracy))
    share = sizes[least.arm.key] / sizes[own.arm.key]
    if share < 0.8:
        arm = least.arm
        what = words.phrase(arm.strategy, arm.cut, arm.num_blocks)
        yield (
            f"Within one standard error of it, with {words.percent(share, 0)} of its parameters and "
            f"{words.percent(least.accuracy)}: {what[0].lower()}{what[1:]}."
        )


def _none(journal: Journal, seen: Sequence[Seen]) -> Iterator[str]:
    yield (
        f"This is what is usual, not a choice: of {words.count(journal.num_images, 'labelled image')} of "
        f"{words.count(len(journal.class_counts), 'class', 'classes')} none can be held out to compare anything on. "
        "Two images of each class or more let every label count."
    )
    yield from _course(journal, seen)


def _course(journal: Journal, seen: Sequence[Seen]) -> Iterator[str]:
    by_key = {arm.key: arm for arm in journal.arms}
    heads = sum(by_key[one.key].solved for one in seen)
    trainings, failed = len(seen) - heads, sum(one.failed for one in seen)
    done = f"{words.count(heads, 'solved head')} and {words.count(trainings, 'training')}"
    took = f"{words.duration(journal.spent_seconds)} of {words.duration(journal.budget_seconds)}"
    yield f"Took {took}: {done}; {_ENDS.get(journal.reason, 'not finished')}."
    if failed:
        lost = [arm_name(by_key[key]) for key in dict.fromkeys(one.key for one in seen if one.failed)]
        all_of_them = (
            trainings and failed == trainings and all(one.failed for one in seen if not by_key[one.key].solved)
        )
        yield f"{'Every training failed' if all_of_them else 'Failed'}: {words.listing(lost)}."
    if not trainings and journal.reason == "budget":
        yield "No training that was expected to pay fits into the budget: this rests on solved heads alone."
    yield from untried(journal, seen)
    yield from journal.notes


def _is_judged(row: Judged) -> bool:
    return not row.failed and not math.isnan(row.accuracy)


def _rate(arm: Arm) -> str:
    return "" if arm.rate is None else f", at a learning rate of {arm.rate:.0e}".replace("e-0", "e-")


def _table(
    journal: Journal,
    seen: Sequence[Seen],
    rows: Sequence[Judged],
    own: Judged,
    same: Sequence[Judged],
    records: dict[str, TrialRecord],
) -> pd.DataFrame:
    by_key = {row.arm.key: row for row in rows}
    alike = {row.arm.key for row in same}
    expected = expected_seconds(journal.setting(), seen)
    content: list[dict[str, Any]] = []
    for arm in journal.arms:
        row, record = by_key.get(arm.key), records.get(arm.key)
        low, high = interval(row.accuracy, journal.num_held_out) if row else (math.nan, math.nan)
        content.append(
            {
                "strategy": arm.strategy,
                "cut": arm.cut,
                "num_blocks": arm.num_blocks,
                "rate": math.nan if arm.rate is None else arm.rate,
                "status": "not tried" if row is None else "failed" if row.failed else "tried",
                "recommended": arm == own.arm,
                "not_told_apart": arm.key in alike,
                "accuracy": row.accuracy if row else math.nan,
                "low": low,
                "high": high,
                "log_loss": row.loss if row else math.nan,
                "num_replicates": row.num_replicates if row else 0,
                "seconds": row.seconds if row else math.nan,
                "expected_seconds": expected[arm.key],
                **{name: getattr(record, name, None) for name in _NUMBERS},
                "key": arm.key,
            }
        )
    table = pd.DataFrame(content).astype(dict.fromkeys(_NUMBERS, "Int64"))
    order = table.assign(last=~table["recommended"]).sort_values(["last", "accuracy"], ascending=[True, False])
    return table.loc[order.index].reset_index(drop=True)
