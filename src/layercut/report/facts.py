"""Facts about a study besides its results, from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from layercut.ledger import Ledger
from layercut.records import Environment

_AUTHORS = "The layercut developers"
_TITLE = "layercut: how much of a trained network should you keep for your data"


class FailureGroup(NamedTuple):
    """Failures of one kind of job with the same message."""

    job: str
    kind: str
    message: str
    times: int
    final: bool


@dataclass(frozen=True)
class StudyFacts:
    """Everything a report prints about a study that is not in the results table."""

    name: str
    study_text: str = ""
    command: str = ""
    seed: int | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    imported: Any = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    records_hash: str = ""
    environments: tuple[Environment, ...] = ()
    failures: tuple[FailureGroup, ...] = ()
    mended: tuple[str, ...] = ()
    """What was found damaged and made again, over all runs."""
    pretraining_seconds: float = 0.0
    pretrainings: tuple[tuple[str, str, float], ...] = ()
    """Source, model and test accuracy (0..1) of each source model."""


def read_facts(path: Path) -> StudyFacts:
    """Read an output directory's ledger.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with Ledger(path, read_only=True) as ledger:
        groups = Counter((f.job, f.kind, f.message.strip(), f.final) for f in ledger.failures())
        pretrainings = list(ledger.pretrainings())
        return StudyFacts(
            name=str(ledger.meta("study_name") or ledger.path.resolve().parent.name),
            study_text=str(ledger.meta("study_text") or ""),
            command=_shell(ledger.meta("command")),
            seed=ledger.meta("seed"),
            plan=ledger.meta("plan") or {},
            imported=ledger.meta("imported"),
            counts=ledger.counts(),
            records_hash=ledger.records_hash(),
            environments=tuple(ledger.environments().values()),
            failures=tuple(
                FailureGroup(job, kind, message, number, final)
                for (job, kind, message, final), number in groups.most_common()
            ),
            mended=tuple(ledger.meta("mended") or ()),
            pretraining_seconds=sum(record.wall_seconds or 0.0 for record in pretrainings),
            pretrainings=tuple((r.source, r.model, r.test_accuracy) for r in pretrainings),
        )


def _shell(command: Any) -> str:
    return " ".join(map(str, command)) if isinstance(command, list) else str(command or "")


def citation(facts: StudyFacts) -> str:
    """Return one sentence for a text: tool, version, study, and the hash that tells its results from others."""
    seed = "" if facts.seed is None else f", seed {facts.seed}"
    measured = "" if facts.imported else f', version {_version(facts)}, study "{facts.name}"{seed}'
    return f"{_AUTHORS}. {_TITLE}{measured}. Records hash {facts.records_hash[:16]}."


def bibtex(facts: StudyFacts) -> str:
    """Return an entry for a bibliography."""
    return (
        "@software{layercut,\n"
        f"  author = {{{{{_AUTHORS}}}}},\n"
        f"  title = {{{_TITLE}}},\n"
        f"  version = {{{_version(facts)}}}\n"
        "}"
    )


def _version(facts: StudyFacts) -> str:
    versions = sorted({environment.layercut_version for environment in facts.environments})
    return ", ".join(versions) or version("layercut")
