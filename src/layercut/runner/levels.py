"""Run the rest of a plan level by level: sources, features, probes, representations, pilots, trials."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from layercut.artifacts import is_kept
from layercut.artifacts.representations import holds_representations
from layercut.features.budget import StorableCut, choose, default_budget_bytes
from layercut.ledger import Ledger
from layercut.plan.canonical import trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import ExtractJob, ProbeJob, RepresentationJob, SourceJob
from layercut.plan.rates import choose_rates
from layercut.plan.schedule import extract_jobs, needed_sources, pending_probes, transfer_jobs
from layercut.runner.recorder import Recorder
from layercut.runner.weights import known_hashes, set_aside_damaged, write_down_hashes
from layercut.stages.context import RunContext
from layercut.stages.extract import discard_damaged, is_stored


def run_levels(
    asked: Plan,
    ledger: Ledger,
    context: RunContext,
    recorder: Recorder,
    memory_bytes: int | None,
    left_out: Collection[str] = (),
    chosen: Callable[[Plan], None] = lambda plan: None,
) -> list[str]:
    """Run everything that is left of a plan; stored features take at most `memory_bytes`.

    Args:
        asked: the plan, learning rates open.
        ledger: what is done already.
        context: where files lie.
        recorder: has jobs done.
        memory_bytes: budget of stored features.
        left_out: keys of trials that are not done now.
        chosen: called with the plan at its learning rates, where this run has chosen any.

    Returns which checkpoints were not what was written, and were made again.
    """
    plan = at_known_rates(asked, ledger)
    done = _done(plan, ledger, context) | set(left_out)
    pending = {
        condition.key
        for condition in plan.conditions
        if any(trial_key(condition.key, r) not in done for r in range(condition.num_replicates))
    }
    probes = pending_probes(plan, done.__contains__)
    pictures = [job for job in plan.representations if not holds_representations(context.output_dir, job.name, job.key)]
    needed = needed_sources(plan, pending, [*probes, *pictures])
    known = known_hashes(ledger)
    damaged = set_aside_damaged(needed, known, context)
    ledger.note_mended(damaged)
    sources = [job for job in needed if not _has_source(job, done, known, context)]
    ledger.forget_failures(job.key for job in sources)
    recorder.do("sources", sources)
    write_down_hashes(sources, ledger, context)
    extracts = _pending_extracts(plan, pending, context, recorder.failed_sources, memory_bytes)
    ledger.forget_failures(job.key for job in extracts)
    recorder.do("features", extracts)
    _probe(probes, recorder)
    _represent(pictures, ledger, recorder)
    if plan.open:
        plan = _choose(asked, ledger, recorder)
        chosen(plan)
        done = _done(plan, ledger, context) | set(left_out)
    trials = list(transfer_jobs(plan, done.__contains__))
    recorder.record_orphans([job for job in trials if job.condition.source in recorder.failed_sources])
    recorder.do("trials", [job for job in trials if job.condition.source not in recorder.failed_sources])
    return damaged


def at_known_rates(plan: Plan, ledger: Ledger) -> Plan:
    """Return a plan with the learning rates that the ledger's pilots tell; others stay open."""
    return plan.at_rates(choose_rates(plan.conditions, ledger.pilots(), {}).taken) if plan.open else plan


def _choose(plan: Plan, ledger: Ledger, recorder: Recorder) -> Plan:
    """Have pilots done until every condition has its learning rate; return the plan with them.

    What cannot have one, because a pilot or the source failed, stays open, and its trials are failures.
    """
    while True:
        failed = recorder.failed_pilots | {key: recorder.why_orphaned(key) for key in recorder.failed_sources}
        found = choose_rates(plan.conditions, ledger.pilots(), failed)
        if not found.pilots:
            break
        recorder.do("learning rates", found.pilots)
    for condition in plan.conditions:
        if condition.key in found.failed:
            recorder.record_undecided(condition, found.failed[condition.key])
    return plan.at_rates(found.taken)


def _done(plan: Plan, ledger: Ledger, context: RunContext) -> set[str]:
    """Return the keys of the jobs that are done."""
    return ledger.finished_keys() - _without_artifacts(plan, ledger, context) - _untested(plan, ledger)


def _without_artifacts(plan: Plan, ledger: Ledger, context: RunContext) -> set[str]:
    """Return the finished trials whose artifacts are missing something that the study now keeps: they are run again."""
    keeping = [condition for condition in plan.conditions if condition.keep]
    if not keeping:
        return set()
    finished = {key for (key,) in ledger.select("SELECT key FROM trials")}
    wanted = (
        (trial_key(condition.key, replicate), condition.kept(replicate))
        for condition in keeping
        for replicate in range(condition.num_replicates)
    )
    return {key for key, what in wanted if what and key in finished and not is_kept(context.output_dir, key, what)}


def _untested(plan: Plan, ledger: Ledger) -> set[str]:
    """Return the finished trials that were not tested and now should be: they are run again."""
    untested = {key for (key,) in ledger.select("SELECT key FROM trials WHERE test_accuracy IS NULL")}
    if not untested:
        return untested
    tested = [condition for condition in plan.conditions if condition.tested]
    return untested & {trial_key(one.key, replicate) for one in tested for replicate in range(one.num_replicates)}


def _has_source(job: SourceJob, done: set[str], known: Mapping[str, str], context: RunContext) -> bool:
    recorded = done if job.kind == "train" else known
    return all(point.key in recorded for point in job.points) and all(
        context.checkpoint(point.key).exists() for point in job.points
    )


def _pending_extracts(
    plan: Plan, pending: set[str], context: RunContext, failed_sources: Iterable[str], memory_bytes: int | None
) -> list[ExtractJob]:
    """Return the jobs of features that are worth storing, fit, and are not stored yet."""
    chosen = choose(_storable_cuts(plan, pending), _budget(context, memory_bytes))
    jobs = list(extract_jobs(plan, chosen, pending))
    for job in jobs:
        discard_damaged(job, context)
    return [job for job in jobs if job.feature_set.source not in failed_sources and not is_stored(job, context)]


def _storable_cuts(plan: Plan, pending: set[str]) -> Iterable[StorableCut]:
    used = {one.shared_features.key for one in plan.conditions if one.shared_features and one.key in pending}
    for key in used:
        for cost in plan.feature_sets[key][1]:
            yield StorableCut(key, cost.cut, cost.num_bytes, cost.flops, cost.num_uses)


def _budget(context: RunContext, memory_bytes: int | None) -> int:
    free_bytes = shutil.disk_usage(context.output_dir).free
    return min(memory_bytes, free_bytes) if memory_bytes is not None else default_budget_bytes(free_bytes)


def _probe(jobs: Sequence[ProbeJob], recorder: Recorder) -> None:
    able = []
    for job in jobs:
        failed = [key for key in (job.source, job.reference) if key in recorder.failed_sources]
        if failed:
            recorder.fail_probe(job, "error", recorder.why_orphaned(failed[0]))
        else:
            able.append(job)
    recorder.do("probes", able)


def _represent(jobs: Sequence[RepresentationJob], ledger: Ledger, recorder: Recorder) -> None:
    """Make what figures show of sources; without its source there is nothing, as the probes' failures say."""
    able = [job for job in jobs if not {job.source, job.reference} & recorder.failed_sources.keys()]
    ledger.forget_failures(job.key for job in able)
    recorder.do("representations", able)
