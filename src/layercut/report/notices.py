"""What readers must know before they trust the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from layercut.figures import words
from layercut.report.facts import StudyFacts
from layercut.stats import BestCut, unattainable, undecided
from layercut.stats.design import SCRATCH
from layercut.stats.length import MOST_IMPROVING, Improving, improving_by_strategy, short_comparisons

FEW_REPLICATES = 5
"""Below this many, a bootstrap interval is too narrow to be trusted."""

FEW_VALIDATION_IMAGES = 200
"""Below this many validation images over all replicates, the choice of a cut is mostly luck."""


class Notice(NamedTuple):
    """One warning: a sentence, and details below it."""

    text: str
    details: tuple[str, ...] = ()


def notices(
    table: pd.DataFrame,
    facts: StudyFacts,
    rows: pd.DataFrame,
    contrasts: pd.DataFrame,
    best: list[BestCut],
) -> list[Notice]:
    """Return all warnings about a study, the most serious first.

    `rows` and `contrasts` are what `stats.estimates` and `stats.contrasts_to_scratch` return.
    """
    found = [*_incomplete(facts), *_failures(facts), *_not_frozen(table), *_imported(facts), *_mended(facts)]
    found += [Notice(str(text)) for text in _plan_warnings(facts)]
    if len(rows) and not (rows["strategy"] == SCRATCH).any():
        found.append(Notice("Nothing was trained from scratch, so this study cannot tell whether transfer helps."))
    if not facts.imported:  # the importer says it with the words of its files
        found += _unattainable(contrasts)
    found += _too_short(table, best)
    found += _rates_at_an_end(rows)
    return [*found, *_few_replicates(rows), *_validation(rows, best, facts)]


def _incomplete(facts: StudyFacts) -> Iterator[Notice]:
    planned = facts.plan.get("trials_distinct")
    failed = sum(facts.counts.get("failed", {}).values())
    done = facts.counts.get("finished", 0) + failed
    if planned and done < planned:
        yield Notice(
            f"Not finished: {done:,} of {planned:,} trials have run, so nothing is recommended. "
            "Run the same command again to resume; all numbers below may still change."
        )


def _failures(facts: StudyFacts) -> Iterator[Notice]:
    by_job: dict[str, list[str]] = defaultdict(list)
    totals: dict[str, int] = defaultdict(int)
    for group in facts.failures:
        again = "a final result" if group.final else "tried again by the next run"
        first_line = group.message.splitlines()[0] if group.message else "no message"
        by_job[group.job].append(f"{group.times} × {group.kind} ({again}): {first_line}")
        totals[group.job] += group.times
    for job, details in by_job.items():
        what = words.count(totals[job], "trial") if job == "transfer" else words.count(totals[job], f"{job} job")
        left_out = "; means exclude the failed trials" if job == "transfer" else ""
        yield Notice(f"{what} failed{left_out}.", tuple(details[:10]))


def _not_frozen(table: pd.DataFrame) -> Iterator[Notice]:
    changed = int((table["frozen_unchanged"].astype("boolean") == False).sum())  # noqa: E712 - NA is not False
    if changed:
        yield Notice(f"In {words.count(changed, 'trial')} a frozen trunk changed: do not trust this study.")


def _imported(facts: StudyFacts) -> Iterator[Notice]:
    if not facts.imported:
        return
    found = facts.imported.get("warnings", []) if isinstance(facts.imported, dict) else []
    yield Notice("The results were imported, not measured by layercut.", tuple(map(str, found)))


def _mended(facts: StudyFacts) -> Iterator[Notice]:
    if facts.mended:
        what = words.count(len(facts.mended), "record or file", "records or files")
        yield Notice(
            f"{what} changed on disk after being written: detected and computed again.",
            facts.mended[:10],
        )


def _plan_warnings(facts: StudyFacts) -> list[object]:
    """Return the plan's warnings, and how it understands its data."""
    return [*facts.plan.get("warnings", []), *facts.plan.get("notes", [])]


def _unattainable(contrasts: pd.DataFrame) -> Iterator[Notice]:
    families: dict[tuple[float, int, int, float, int], list[str]] = defaultdict(list)
    for family in unattainable(contrasts):
        key = (family.fraction, family.replicates, family.comparisons, family.least_p, family.needed_replicates)
        if family.strategy not in families[key]:
            families[key].append(family.strategy)
    details = tuple(
        f"{words.fraction_label(fraction)} of the data, {', '.join(strategies)}: "
        f"{words.count(replicates, 'replicate')}, {words.count(comparisons, 'comparison')}, least p "
        f"{least_p:.2g} after Holm; {needed} replicates are needed"
        for (fraction, replicates, comparisons, least_p, needed), strategies in sorted(families.items())
    )
    if details:
        yield Notice("Some comparisons have too few replicates to become significant, whatever they show.", details)


def _too_short(table: pd.DataFrame, best: list[BestCut]) -> Iterator[Notice]:
    details = [
        f"{words.fraction_label(one.fraction)} of the data, {one.strategy}: {_of(one.improving)}"
        for one in improving_by_strategy(table)
        if one.improving.share > MOST_IMPROVING
    ]
    if details:
        yield Notice(
            f"More than {words.percent(MOST_IMPROVING, 0)} of some trainings were still improving when they reached "
            "their limit, so what is compared there is partly how far each had come. Use `transfer.training.min_steps` "
            "or more `epochs` to train longer.",
            tuple(dict.fromkeys(details)),
        )
    for short in short_comparisons(table, best):
        transfer = words.condition_name(*short.point)
        yield Notice(
            f"At {words.fraction_label(short.best.fraction)} of the data the difference between {transfer} and scratch "
            f"may be one of training length: {_of(short.transfer)} of {transfer} and {_of(short.scratch)} of scratch "
            "were still improving at the limit."
        )


def _rates_at_an_end(rows: pd.DataFrame) -> Iterator[Notice]:
    """Say where the best learning rate tried was the last of its list: a rate beyond it may be better."""
    chosen = rows[rows["lowest_rate"].notna() & rows["learning_rate"].notna()]
    details = []
    for strategy, fraction in dict.fromkeys(zip(chosen["strategy"], chosen["fraction"], strict=True)):
        own = chosen[(chosen["strategy"] == strategy) & (chosen["fraction"] == fraction)]
        for end, column in (("lowest", "lowest_rate"), ("highest", "highest_rate")):
            at_end = own[own["learning_rate"] == own[column]]
            if len(at_end):
                rates = words.conjunction([words.rate(rate) for rate in sorted(at_end["learning_rate"].unique())])
                details.append(
                    f"{words.fraction_label(fraction)} of the data, {strategy}: the {end}, {rates}, at "
                    f"{len(at_end)} of {words.count(len(own), 'cut')}"
                )
    if details:
        yield Notice(
            "Some conditions took a learning rate at an end of its list, so the list may be too short: with a rate "
            "beyond it in `transfer.training.lr` they may do better.",
            tuple(details),
        )


def _of(improving: Improving) -> str:
    return f"{improving.num_improving:,} of {words.count(improving.num_trials, 'trial')}"


def _few_replicates(rows: pd.DataFrame) -> Iterator[Notice]:
    few = rows[(rows["num_replicates"] > 0) & (rows["num_replicates"] < FEW_REPLICATES)]
    few = few.drop_duplicates("condition")
    if len(few):
        at = ", ".join(words.fraction_label(float(f)) for f in sorted(few["fraction"].unique()))
        yield Notice(
            f"{words.count(len(few), 'condition')} at {at} of the data have fewer than {FEW_REPLICATES} "
            "replicates: their intervals are too narrow."
        )


def _validation(rows: pd.DataFrame, best: list[BestCut], facts: StudyFacts) -> Iterator[Notice]:
    without = sorted({found.fraction for found in undecided(rows)})
    if without and not facts.imported:  # the importer says it better
        at = words.conjunction(list(map(words.fraction_label, without)))
        yield Notice(
            f"No validation accuracy at {at} of the data: no cut is chosen there, because test images are never used "
            "to choose."
        )
    if unjudged := sum(b.num_unjudged for b in best):
        yield Notice(f"{words.count(unjudged, 'condition')} without validation accuracy could not be chosen.")
    small = {
        (b.fraction, round(b.num_validation_images), b.num_replicates)
        for b in best
        if b.num_candidates > 1 and b.num_validation_images * b.num_replicates < FEW_VALIDATION_IMAGES
    }
    if small:
        details = tuple(
            f"{words.fraction_label(fraction)} of the data: {words.count(images, 'validation image')} in each of "
            f"{words.count(replicates, 'replicate')}"
            for fraction, images, replicates in sorted(small)
        )
        yield Notice("The choice of a cut rests on few validation images, so it is partly luck.", details)
