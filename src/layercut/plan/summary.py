"""What `layercut plan` prints and the report repeats: sizes, merged trials, and what cannot become significant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercut.plan.expand import Plan
from layercut.plan.schedule import replicates_per_job
from layercut.significance import ALPHA, least_attainable_p, replicates_needed
from layercut.spec import StudySpec
from layercut.strategies import STRATEGIES


def summarize(spec: StudySpec, plan: Plan) -> dict[str, Any]:
    """Return the plan's sizes and warnings as JSON values."""
    replicates = {condition.key: condition.num_replicates for condition in plan.conditions}
    source_flops = sum(job.flops for job in plan.sources)
    bank_flops = sum(max(cost.flops for cost in costs) for _, costs in plan.banks.values())
    trial_flops = sum(condition.flops * condition.num_replicates for condition in plan.conditions)
    unattainable = list(_unattainable(spec, plan))
    return {
        "study": spec.name,
        "conditions_nominal": len(plan.names),
        "conditions_distinct": len(plan.conditions),
        "trials_nominal": sum(replicates[name.condition] for name in plan.names),
        "trials_distinct": sum(replicates.values()),
        "jobs_by_level": [
            {"level": 0, "kind": "source", "jobs": len(plan.sources)},
            {"level": 1, "kind": "extract", "jobs": sum(bank.num_shards for bank, _ in plan.banks.values())},
            {"level": 2, "kind": "transfer", "jobs": sum(_num_jobs(plan))},
        ],
        "estimated_flops": {"source": source_flops, "extract": bank_flops, "transfer": trial_flops},
        "unattainable": unattainable,
        "warnings": [*plan.warnings, *(_sentence(row) for row in unattainable)],
    }


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
    for level in summary["jobs_by_level"]:
        work = flops[level["kind"]]
        lines.append(f"  {level['kind']:<10}  {level['jobs']:>9,} jobs     {work / 1e12:>9,.2f} TFLOP at the most")
    lines += [f"  warning: {warning}" for warning in summary["warnings"]]
    return "\n".join(lines)


def _num_jobs(plan: Plan) -> Iterator[int]:
    for condition in plan.conditions:
        yield -(-condition.num_replicates // replicates_per_job(condition))


def _unattainable(spec: StudySpec, plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the families of comparisons with scratch in which no p-value can fall below the level after Holm."""
    if "scratch" not in spec.transfer.strategies:
        return
    baselines = {name.condition for name in plan.names if name.strategy == "scratch"}
    families: dict[tuple[str, float, int], set[tuple[str, int]]] = {}
    for name in plan.names:
        if STRATEGIES[name.strategy].transfers and name.condition not in baselines:
            replicates = spec.transfer.num_replicates(name.fraction)
            families.setdefault((name.strategy, name.fraction, replicates), set()).add((name.condition, name.cut))
    for (strategy, fraction, num_replicates), members in families.items():
        comparisons = max(1, len({cut for _, cut in members}))
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
