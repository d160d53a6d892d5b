"""Jobs in dependency levels: sources, then features, then trials; long jobs first within a level.

Groups of replicates follow from the plan alone. A resumed run leaves out the replicates that are done,
so a job's records never depend on what ran before; replicates that are trained as one model run again together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping

from layercut.keys import content_key
from layercut.plan.canonical import probe_key, trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition, ExtractJob, ProbeJob, RepresentationJob, SourceJob, TransferJob

JOB_FLOPS = 5 * 10**10
"""A job carries as many replicates as make about half a second's work: little is lost when it is interrupted."""


def transfer_jobs(plan: Plan, is_done: Callable[[str], bool]) -> Iterator[TransferJob]:
    """Yield the jobs of all trials whose key is not done, long jobs first; without those whose rate is open."""
    ready = (condition for condition in plan.conditions if not condition.rates)
    for condition in sorted(ready, key=lambda condition: condition.flops, reverse=True):
        group = replicates_per_job(condition)
        for start in range(0, condition.num_replicates, group):
            replicates = range(start, min(start + group, condition.num_replicates))
            pending = tuple(r for r in replicates if not is_done(trial_key(condition.key, r)))
            if pending:
                carried = pending if condition.group is None else tuple(replicates)
                yield TransferJob(f"{condition.key}/{start}", condition, carried)


def replicates_per_job(condition: Condition) -> int:
    """Return how many replicates of a condition one job carries."""
    if condition.group is not None:
        return condition.group
    return max(1, min(condition.num_replicates, JOB_FLOPS // max(condition.flops, 1)))


def needed_sources(
    plan: Plan, pending: set[str], probes: Iterable[ProbeJob | RepresentationJob] = ()
) -> list[SourceJob]:
    """Return the source jobs that pending conditions, probes and representations use; `pending` has condition keys."""
    used = {condition.source for condition in plan.conditions if condition.key in pending}
    used |= {key for job in probes for key in (job.source, job.reference)}
    jobs = [job for job in plan.sources if any(point.key in used for point in job.points)]
    return sorted(jobs, key=lambda job: job.flops, reverse=True)


def pending_probes(plan: Plan, is_done: Callable[[str], bool]) -> list[ProbeJob]:
    """Return the probe jobs with what is left of them, long jobs first."""
    jobs = []
    for job in plan.probes:
        left = []
        for probing in job.probings:
            layers = tuple(n for n in probing.layers if not is_done(probe_key(probing.key, job.replicate, n)))
            if layers:
                left.append(probing._replace(layers=layers))
        if left:
            jobs.append(dataclasses.replace(job, probings=tuple(left)))
    return sorted(jobs, key=lambda job: job.flops, reverse=True)


def extract_jobs(plan: Plan, chosen: Mapping[str, list[int]], pending: set[str]) -> Iterator[ExtractJob]:
    """Yield the jobs that store the chosen cuts of the feature sets that pending conditions use."""
    used = {one.shared_features.key for one in plan.conditions if one.shared_features and one.key in pending}
    for set_key, cuts in chosen.items():
        if set_key not in used or not cuts:
            continue
        feature_set, costs = plan.feature_sets[set_key]
        flops = max(cost.flops for cost in costs if cost.cut in cuts) // feature_set.num_shards
        for shard in range(feature_set.num_shards):
            key = content_key("extract", [set_key, cuts, shard])
            yield ExtractJob(key, feature_set, tuple(cuts), shard, flops)
