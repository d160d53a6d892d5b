"""How a run ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layercut.errors import few
from layercut.ledger import Ledger
from layercut.plan.expand import Plan


@dataclass(frozen=True)
class RunSummary:
    """How a run ended; stands for its output directory wherever a path is taken, as in `answers(summary)`."""

    output_dir: Path
    num_trials: int
    num_finished: int
    """Trials with a result, of this and earlier runs."""
    failed: dict[str, int]
    """Failed trials by kind."""
    failed_jobs: dict[str, int]
    """Failed jobs of pretraining, features and representations by kind; each trial computes failed features again."""
    num_probes: int
    """Scores, one a probe, layer and sample; of this and earlier runs."""
    failed_probes: dict[str, int]
    """Probes without a score by kind; `undefined` is a result: the score has no value there."""
    records_hash: str
    """Equal for two runs of a study exactly if every result is equal in every bit."""
    mended: tuple[str, ...] = ()
    """What was damaged when this run began, and was made again."""

    @property
    def num_failed(self) -> int:
        """Return how many trials gave no result."""
        return sum(self.failed.values())

    def __fspath__(self) -> str:
        return str(self.output_dir)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self) | {"output_dir": str(self.output_dir)}

    def describe(self) -> str:
        """Return one sentence."""
        failed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed.items()))
        jobs = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed_jobs.items()))
        return (
            f"{self.num_finished:,} of {self.num_trials:,} trials finished"
            + (f"; failed: {failed}" if failed else "")
            + (f"; failed pretraining, feature, representation or pilot jobs: {jobs}" if jobs else "")
            + (f"; {self.num_probes:,} probe scores" if self.num_probes else "")
            + (f", {sum(self.failed_probes.values()):,} without a value" if self.failed_probes else "")
            + (f"; found damaged and computed again: {few(self.mended, 10)}" if self.mended else "")
        )


def summarize_run(plan: Plan, ledger: Ledger, output_dir: Path, mended: Sequence[str] = ()) -> RunSummary:
    """Return what the ledger now holds of a plan; `mended`: as in `RunSummary`."""
    counts = ledger.counts(named=True)
    num_trials = sum(condition.num_replicates for condition in plan.conditions)
    return RunSummary(
        output_dir,
        num_trials,
        counts["finished"],
        counts["failed"],
        counts["failed_jobs"],
        counts["probes"],
        counts["failed_probes"],
        ledger.records_hash(named=True),
        tuple(mended),
    )
