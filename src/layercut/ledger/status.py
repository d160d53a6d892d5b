"""How far a study is, from the ledger alone; may be asked while the study runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layercut.ledger.sqlite import Ledger


@dataclass(frozen=True)
class StudyStatus:
    """Counts of one output directory."""

    study: str | None
    trials: int | None
    """Distinct trials that the study asks for; None where the ledger was imported."""
    finished: int
    failed: dict[str, int]
    """Trials without a result, by kind."""
    failed_jobs: dict[str, int]
    pretrainings: int
    records_hash: str | None
    """None where it was not asked for: it reads every record."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return the counts as text."""
        asked = f" of {self.trials:,}" if self.trials is not None else ""
        lines = [f"{self.study or 'study'}: {self.finished:,}{asked} trials finished"]
        lines += [f"  {count:,} failed: {kind.replace('_', ' ')}" for kind, count in sorted(self.failed.items())]
        lines += [
            f"  {count:,} pretraining, feature or representation jobs failed: {kind.replace('_', ' ')}"
            for kind, count in sorted(self.failed_jobs.items())
        ]
        return "\n".join(lines + ([f"  records hash {self.records_hash}"] if self.records_hash else []))


def study_status(output_dir: Path, with_hash: bool = False) -> StudyStatus:
    """Return how far the study in a directory is; the hash takes about a minute for a million records.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with Ledger(output_dir, read_only=True) as ledger:
        imported = ledger.meta("imported") is not None
        counts = ledger.counts(named=not imported)
        plan = ledger.meta("plan") or {}
        return StudyStatus(
            ledger.meta("study_name"),
            plan.get("trials_distinct"),
            counts["finished"],
            counts["failed"],
            counts["failed_jobs"],
            counts["pretrainings"],
            ledger.records_hash(named=not imported) if with_hash else None,
        )
