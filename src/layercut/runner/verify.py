"""Check everything that a study has written: records, checkpoints, kept trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layercut.artifacts.checking import check_artifacts
from layercut.ledger import Ledger
from layercut.records import TrialRecord
from layercut.runner.weights import holds, known_hashes


@dataclass(frozen=True)
class Verification:
    """What was compared, and what has changed since it was written."""

    num_records: int
    num_checkpoints: int
    num_artifacts: int
    damaged: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return what was found as text."""
        compared = (
            f"{self.num_records:,} records, {self.num_checkpoints:,} checkpoints and {self.num_artifacts:,} folders "
            "of kept trials, pictures and images"
        )
        if not self.damaged:
            return f"{compared}: all unchanged"
        lines = [f"{compared}: {len(self.damaged):,} changed", *(f"  {name}" for name in self.damaged)]
        return "\n".join([*lines, "the next `layercut run` of the study makes records and checkpoints again"])


def verify_run(output_dir: Path) -> Verification:
    """Compare everything in an output directory with the digests and hashes of what was written.

    Raises:
        LedgerError: there is no ledger, or it cannot be read to its end.
    """
    with Ledger(output_dir, read_only=True) as ledger:
        damaged = ledger.damage()
        counts = {} if damaged else _read_all(ledger)
        checkpoints = [] if damaged else list(_checkpoints(ledger, output_dir))
        num_artifacts = 0
        for artifact in check_artifacts(output_dir):
            num_artifacts += 1
            damaged += artifact.problems
            record = counts.get(artifact.card.get("key", ""))
            if isinstance(record, TrialRecord) and not _agrees(artifact.card, record):
                damaged.append(f"{artifact.folder} has other metrics in its card than the ledger")
    damaged += [name for name, sound in checkpoints if not sound]
    return Verification(len(counts), len(checkpoints), num_artifacts, tuple(damaged))


def verify_runs(output_dirs: Sequence[Path]) -> Verification:
    """Do what `verify_run` does in several output directories; of several, each name has its own.

    Raises:
        LedgerError: as `verify_run` does.
    """
    found = [(place, verify_run(place)) for place in output_dirs]
    return Verification(
        sum(one.num_records for _, one in found),
        sum(one.num_checkpoints for _, one in found),
        sum(one.num_artifacts for _, one in found),
        tuple(f"{place}: {name}" if len(found) > 1 else name for place, one in found for name in one.damaged),
    )


def _read_all(ledger: Ledger) -> dict[str, Any]:
    """Read every record, as its digest does not say that it can be; return those of trials, and keys of the others."""
    found: dict[str, Any] = {record.key: record for record in ledger.trials()}
    for records in (ledger.pilots(), ledger.pretrainings(), ledger.probes(), ledger.failures()):
        found |= {record.key: None for record in records}
    found |= {f"design point {number}": None for number, _ in enumerate(ledger.names())}
    return found | dict.fromkeys(ledger.environments())


def _checkpoints(ledger: Ledger, output_dir: Path) -> Iterator[tuple[str, bool]]:
    for key, expected in known_hashes(ledger).items():
        path = output_dir / "checkpoints" / f"{key}.safetensors"
        if path.exists():  # one that is not there is made when it is needed
            yield f"checkpoint {path}", holds(path, expected)


def _agrees(card: dict[str, Any], record: TrialRecord) -> bool:
    metrics = card.get("metrics", {})
    return all(metrics.get(name) == getattr(record, name) for name in ("test_accuracy", "validation_accuracy"))
