"""The progress of a study, from the ledger alone; also while the study runs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layercut.errors import LedgerError, few
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
    pilots: int
    """Trainings that choose learning rates."""
    records_hash: str | None
    """None where it was not asked for, for it reads every record, or where records are damaged."""
    damaged: tuple[str, ...] = ()
    """What in the ledger is not as it was written; the next run computes it again."""

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return the counts as text."""
        asked = f" of {self.trials:,}" if self.trials is not None else ""
        lines = [f"{self.study or 'study'}: {self.finished:,}{asked} trials finished"]
        if self.pilots:
            lines.append(f"  {self.pilots:,} pilots finished, which choose learning rates")
        lines += [f"  {count:,} failed: {kind.replace('_', ' ')}" for kind, count in sorted(self.failed.items())]
        lines += [
            f"  {count:,} pretraining, feature, representation or pilot jobs failed: {kind.replace('_', ' ')}"
            for kind, count in sorted(self.failed_jobs.items())
        ]
        if self.damaged:
            lines.append(
                f"  {len(self.damaged):,} damaged: {few(self.damaged, 10)}; the next `layercut run` of the study "
                "recomputes what changed after it was written"
            )
        return "\n".join(lines + ([f"  records hash {self.records_hash}"] if self.records_hash else []))


def study_status(output_dir: Path, with_hash: bool = False, checked: bool = True) -> StudyStatus:
    """Return how far the study in a directory is; the hash takes about a minute for a million records.

    `checked`: look for damage too, which reads every record once (about 10 s for a million).

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with Ledger(output_dir, read_only=True) as ledger:
        damaged = tuple(ledger.damage()) if checked else ()
        facts = {name: _sound_meta(ledger, name) for name in ("imported", "plan", "study_name")}
        imported = facts["imported"] is not None
        counts = _counts(ledger, named=not imported)
        return StudyStatus(
            facts["study_name"],
            (facts["plan"] or {}).get("trials_distinct"),
            counts["finished"],
            counts["failed"],
            counts["failed_jobs"],
            counts["pretrainings"],
            counts["pilots"],
            ledger.records_hash(named=not imported) if with_hash and not damaged else None,
            damaged,
        )


def _sound_meta(ledger: Ledger, name: str) -> Any:
    """Return a fact of the study; None where it is damaged, as the status says beside."""
    try:
        return ledger.meta(name)
    except LedgerError:
        return None


def _counts(ledger: Ledger, named: bool) -> dict[str, Any]:
    """Return the counts; of all there is, where what the study asks for is damaged."""
    try:
        return ledger.counts(named)
    except LedgerError:
        return ledger.counts()
