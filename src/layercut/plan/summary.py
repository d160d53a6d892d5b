"""What `layercut plan` prints and the report repeats: sizes, merged trials, and what cannot become significant."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from layercut.keys import content_key
from layercut.metrics import ACCURACY
from layercut.plan.canonical import model_identity, task_identity
from layercut.plan.cost import forward_flops
from layercut.plan.expand import Plan
from layercut.plan.piloting import as_pilot
from layercut.plan.rates import PilotCount, num_pilots
from layercut.plan.schedule import replicates_per_job
from layercut.significance import ALPHA, least_attainable_p, replicates_needed
from layercut.spec import StudySpec
from layercut.strategies.base import Strategy
from layercut.strategies.treatment import treatment


def summarize(spec: StudySpec, plan: Plan) -> dict[str, Any]:
    """Return the plan's sizes and warnings as JSON values."""
    replicates = {condition.key: condition.num_replicates for condition in plan.conditions}
    pilots = num_pilots(plan.conditions)
    most_pilots = sum(count.most for count in pilots.values())
    source_flops = sum(job.flops for job in plan.sources)
    extract_flops = sum(max(cost.flops for cost in costs) for _, costs in plan.feature_sets.values())
    trial_flops = sum(condition.flops * condition.num_replicates for condition in plan.conditions)
    return {
        "study": spec.name,
        "conditions_nominal": len(plan.names),
        "conditions_distinct": len(plan.conditions),
        "trials_nominal": sum(replicates[name.condition] for name in plan.names),
        "trials_distinct": sum(replicates.values()),
        "jobs_by_level": [
            {"level": 0, "kind": "source", "jobs": len(plan.sources)},
            {
                "level": 1,
                "kind": "extract",
                "jobs": sum(one.num_shards for one, _ in plan.feature_sets.values()),
            },
            *([{"level": 2, "kind": "pilot", "jobs": most_pilots}] if pilots else []),
            {"level": 2, "kind": "transfer", "jobs": sum(_num_jobs(plan))},
            *([{"level": 2, "kind": "probe", "jobs": len(plan.probes)}] if plan.probes else []),
            *([{"level": 2, "kind": "represent", "jobs": len(plan.representations)}] if plan.representations else []),
        ],
        "estimated_flops": {
            "source": source_flops,
            "extract": extract_flops,
            "transfer": trial_flops,
            **({"pilot": _pilot_flops(plan, pilots)} if pilots else {}),
            **({"probe": sum(job.flops for job in plan.probes)} if plan.probes else {}),
            **({"represent": sum(job.flops for job in plan.representations)} if plan.representations else {}),
        },
        "learning_rates": _learning_rates(plan, pilots),
        "operations_per_image": list(_operations(plan)),
        "normalization": _normalization(plan),
        "meant": _meant(plan),
        **({} if spec.metric == ACCURACY else {"metric": spec.metric}),
        "chance": {target: chance for target, chance in plan.chances.items() if not math.isnan(chance)},
        "notes": list(plan.notes),
        "unattainable": list(_unattainable(spec, plan)),
        "warnings": list(plan.warnings),
    }


def _pilot_flops(plan: Plan, pilots: Mapping[str, PilotCount]) -> int:
    return sum(as_pilot(one).flops * pilots[one.key].most for one in plan.conditions if one.key in pilots)


def _learning_rates(plan: Plan, pilots: Mapping[str, PilotCount]) -> dict[str, Any] | None:
    """Return what is chosen, and how many pilots that takes; None where the study says every rate."""
    lists = {condition.rates: None for condition in plan.conditions if condition.rates}
    lists |= {name.rates: None for name in plan.names if name.rates}
    if not lists:
        return None
    return {
        "lists": [list(rates) for rates in lists],
        "open_conditions": len(pilots),
        "pilots_least": sum(count.least for count in pilots.values()),
        "pilots_most": sum(count.most for count in pilots.values()),
    }


def _operations(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield what one image costs a finished model: whole, and of its first 0..B blocks; each strategy leaves some."""
    for (target, model), cost in plan.costs.items():
        truncated = [forward_flops(cost, num_blocks) for num_blocks in range(len(cost.head_flops))]
        left = {one.label: _blocks_left(one.does, len(truncated) - 1) for one in plan.strategies[model]}
        row = {"target": target, "model": model, "whole": truncated[-1], "truncated": truncated}
        yield row | {"blocks_left": left}


def _blocks_left(strategy: Strategy, num_blocks: int) -> list[int]:
    """Return how many blocks a strategy leaves at each cut 0..B."""
    return [treatment(strategy, cut, num_blocks).num_left for cut in range(num_blocks + 1)]


def _normalization(plan: Plan) -> list[dict[str, Any]]:
    """Return what pixels are scaled by, for the images of each source and target; no numbers where not yet known."""
    used = [(job.task.label, job.training) for job in plan.sources if job.task is not None]
    used += [(condition.task.label, condition.training) for condition in plan.conditions]
    distinct = dict.fromkeys((label, config.mean, config.std) for label, config in used)
    return [
        {"images": label, "mean": list(mean) if std else None, "std": list(std) or None}
        for label, mean, std in distinct
    ]


def _meant(plan: Plan) -> dict[str, dict[str, str]]:
    """Return what names of sources, targets and models stand for, as keys: two studies may call one thing two names."""
    sources = {point.label: point.key for job in plan.sources for point in job.points}
    tasks = {condition.task.label: condition.task for condition in plan.conditions}
    identities = {
        label: model_identity(model)
        for label, model in {condition.model.label: condition.model for condition in plan.conditions}.items()
    }
    targets = {label: content_key("task", task_identity(task)) for label, task in tasks.items()}
    models = {label: content_key("model", [one["name"], one["options"]]) for label, one in identities.items()}
    return {"source": sources, "target": targets, "model": models}


def _told(row: dict[str, Any]) -> bool:
    return row["mean"] is not None and (row["mean"], row["std"]) != ([0.5], [0.5])


def _scaling(row: dict[str, Any]) -> str:
    mean, std = (", ".join(f"{value:.4f}" for value in row[name]) for name in ("mean", "std"))
    return f"less {mean}, divided by {std}"


def describe(summary: dict[str, Any]) -> str:
    """Return a summary as text."""
    flops = summary["estimated_flops"]
    merged = summary["trials_nominal"] - summary["trials_distinct"]
    lines = [
        f"{summary['study']}",
        f"  conditions  {summary['conditions_nominal']:>9,} nominal  {summary['conditions_distinct']:>9,} distinct",
        f"  trials      {summary['trials_nominal']:>9,} nominal  {summary['trials_distinct']:>9,} distinct"
        f"  ({merged:,} are equal to others and run once)",
    ]
    lines += _searches(summary["learning_rates"])
    for level in summary["jobs_by_level"]:
        work = flops[level["kind"]]
        jobs = "job " if level["jobs"] == 1 else "jobs"
        lines.append(f"  {level['kind']:<10}  {level['jobs']:>9,} {jobs}     {work / 1e12:>9,.2f} TFLOP at most")
    lines += _minutes(summary.get("estimated_seconds"))
    lines += [f"  pixels      of {row['images']} {_scaling(row)}" for row in summary["normalization"] if _told(row)]
    lines += [f"  data        {note}" for note in summary["notes"]]
    warnings = [*summary["warnings"], *map(_sentence, summary["unattainable"])]
    lines += [f"  warning: {warning}" for warning in warnings]
    return "\n".join(lines)


def in_columns(text: str, columns: int = 80) -> str:
    """Return what `describe` says in lines of a terminal; words and paths stay whole.

    Example:
        >>> print(in_columns("  data        photos: val/ is the test set", 30))
          data        photos: val/ is
                      the test set
    """
    lines = [
        textwrap.wrap(
            line,
            columns,
            subsequent_indent=" " * (_WARNED if line.startswith("  warning: ") else _SAID),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    ]
    return "\n".join(part for parts in lines for part in parts)


_SAID, _WARNED = 14, 11
"""Where what is said begins, behind the word that says what it is about."""


def _searches(rates: dict[str, Any] | None) -> Iterator[str]:
    """Yield what learning rates are chosen from, and what that takes."""
    if rates is not None:
        least, most = rates["pilots_least"], rates["pilots_most"]
        listed = "; ".join(", ".join(f"{rate:g}" for rate in one) for one in rates["lists"])
        number = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        yield (
            f"  rates       {listed}: one chosen for each of {rates['open_conditions']:,} conditions, by {number} "
            "pilot trainings that are not reported"
        )


def _minutes(seconds: dict[str, Any] | None) -> Iterator[str]:
    """Yield how long it takes on this machine, all of it and by strategy."""
    if seconds is None:
        return
    yield (
        f"  time        {seconds['elapsed'] / 60:>9,.1f} minutes at most on {seconds['cores']} cores of this machine, "
        "less with early stopping"
    )
    for strategy, own in sorted(seconds["strategies"].items(), key=lambda one: -one[1]):
        yield f"    {strategy:<18}{own / seconds['cores'] / 60:>7,.1f} minutes"


def _num_jobs(plan: Plan) -> Iterator[int]:
    for condition in plan.conditions:
        yield -(-condition.num_replicates // replicates_per_job(condition))


def _unattainable(spec: StudySpec, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the families of comparisons with scratch in which no p-value can fall below the level after Holm.

    A family is the distinct conditions of one strategy at one fraction, for one source, target, model and factors.
    """
    baselines = {name.condition for name in plan.names if name.strategy == "scratch"}
    if not baselines:
        return
    families: dict[tuple[Any, ...], set[str]] = {}
    for name in plan.names:
        if name.condition not in baselines:
            group = (name.source, name.target, name.model, *name.factors.items())
            families.setdefault((name.strategy, name.fraction, group), set()).add(name.condition)
    largest: dict[tuple[str, float], int] = {}
    for (strategy, fraction, _), conditions in families.items():
        largest[strategy, fraction] = max(len(conditions), largest.get((strategy, fraction), 0))
    for (strategy, fraction), comparisons in largest.items():
        num_replicates = spec.transfer.num_replicates(fraction)
        if least_attainable_p(num_replicates, comparisons) >= ALPHA:
            yield {
                "strategy": strategy,
                "fraction": fraction,
                "comparisons": comparisons,
                "replicates": num_replicates,
                "least_p": least_attainable_p(num_replicates, comparisons),
                "needed_replicates": replicates_needed(comparisons),
            }


def _sentence(row: dict[str, Any]) -> str:
    return (
        f"{row['strategy']} at {100 * row['fraction']:g} %: {row['replicates']} replicates cannot make any of "
        f"{row['comparisons']} comparisons with scratch significant (least p after Holm {row['least_p']:.3g}); "
        f"{row['needed_replicates']} are needed"
    )
