"""A recommendation as it lies in its output directory: read from the ledger, without the study or its data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from layercut.errors import UserError
from layercut.ledger import Ledger, ledger_path
from layercut.metrics import ACCURACY, Metric
from layercut.recommending.arms import Arm, seen_in
from layercut.recommending.certificate import RivalStanding
from layercut.recommending.decision import expected_seconds
from layercut.recommending.evidence import Evidence, evidence, lead, measure
from layercut.recommending.journal import Journal, read_journal
from layercut.recommending.page import as_html, write_page
from layercut.recommending.places import open_ledgers
from layercut.recommending.standings import standings
from layercut.recommending.told import interval, judged

if TYPE_CHECKING:
    from layercut.inference import Classifier

MODEL_FOLDER = "model"

_NUMBERS = ("num_parameters", "num_trained_parameters")

_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Recommendation:
    """What to do with a model for some images; shows itself as text and in a notebook."""

    output_dir: Path
    lead: str
    """What to do, in one sentence."""
    evidence: tuple[str, ...]
    """How good that is, how surely, what it took, and what was not tried; a sentence each."""
    table: pd.DataFrame
    """A row for each condition that was tried or could have been, the recommended one first, then by accuracy, or
    other metric, which gives the column its name."""
    metric: Metric = ACCURACY
    """By which it was chosen."""
    title: str = ""
    """The question: which models, for which images."""

    @property
    def answer(self) -> str:
        """Return everything that is said, a sentence a line."""
        return "\n".join([self.lead, *(f"  {line}" for line in self.evidence)])

    @property
    def model(self) -> Classifier:
        """Return the recommended model, trained on all labelled images, in eval mode on the CPU."""
        from layercut.inference import load_model  # noqa: PLC0415 - reading an answer needs no torch

        return load_model(self.output_dir / MODEL_FOLDER, trust_code=True)  # its code ran when it was made here

    def report(self) -> Path:
        """Write `recommendation.html`, which needs nothing else, and return its path."""
        return write_page(self.output_dir, self.title or self.output_dir.name, self._repr_html_())

    def __str__(self) -> str:
        lines = [_wrapped(self.lead), *(_wrapped(line, "  ") for line in self.evidence)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self.lead, self.evidence, self.table, self.metric)


def _wrapped(sentence: str, indent: str = "") -> str:
    """Return a sentence in lines of a terminal; a number and its per cent sign stay together."""
    lines = textwrap.fill(
        sentence.replace(" %", f"{_NO_BREAK}%"), 80, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return lines.replace(_NO_BREAK, " ")


def read_recommendation(output_dir: str | PathLike[str]) -> Recommendation:
    """Return the recommendation in a directory, finished or not.

    Raises:
        UserError: there is none.
    """
    output_dir = ledger_path(output_dir).parent
    with Ledger(output_dir, read_only=True) as ledger:
        journal = read_journal(ledger)
        if journal is None:
            raise UserError(f"{output_dir} holds no recommendation; `layercut recommend` makes one")
    with open_ledgers(output_dir, journal) as ledgers:
        seen = journal.seen_in(ledgers)
        records = {one.condition: one for ledger in ledgers for one in ledger.trials() if one.replicate == 0}
        title = _title(ledgers)
        best = journal.recommended(seen)
        fresh = _standings(journal, ledgers, best) if best else ()
    if best is None:
        raise UserError(f"{output_dir} holds a recommendation of which nothing is done yet; run it again")
    rows = judged(journal.arms, seen)
    found = Evidence(journal, seen, rows, next(row for row in rows if row.arm == best), records, fresh)
    return Recommendation(output_dir, lead(found), tuple(evidence(found)), _table(found), journal.metric, title)


def _title(ledgers: Sequence[Ledger]) -> str:
    """Return the question, as a heading."""
    names = [name for ledger in ledgers for name in ledger.names()]
    models, targets = (list(dict.fromkeys(getattr(name, what) for name in names)) for what in ("model", "target"))
    return f"How much of {' or '.join(models)} to keep for {', '.join(targets)}" if names else ""


def _standings(journal: Journal, ledgers: Sequence[Ledger], best: Arm) -> Sequence[RivalStanding]:
    if journal.margin is None:
        return ()
    return standings(journal, lambda trials: seen_in(ledgers, trials, journal.metric), best, journal.margin)


def _table(found: Evidence) -> pd.DataFrame:
    journal, records = found.journal, found.records
    by_key = {row.arm.key: row for row in found.rows}
    alike = {row.arm.key for row in found.same}
    expected = expected_seconds(journal.setting(), found.seen)
    content: list[dict[str, Any]] = []
    for arm in journal.arms:
        row, record = by_key.get(arm.key), records.get(arm.key)
        nothing = (math.nan, math.nan)
        low, high = interval(row.score, journal.num_judging, journal.metric) if row else nothing
        content.append(
            {
                **({"model": arm.model} if arm.model else {}),
                "strategy": arm.strategy,
                "cut": arm.cut,
                "cutless": arm.cutless,
                "treatment": arm.treatment,
                "num_blocks": arm.num_blocks,
                "rate": math.nan if arm.rate is None else arm.rate,
                "status": "not tried" if row is None else "failed" if row.failed else "tried",
                "recommended": arm == found.own.arm,
                "not_told_apart": arm.key in alike,
                journal.metric: row.score if row else math.nan,
                "low": low,
                "high": high,
                "log_loss": row.loss if row else math.nan,
                "num_replicates": row.num_replicates if row else 0,
                "seconds": row.seconds if row else math.nan,
                "expected_seconds": expected[arm.key],
                **{name: getattr(record, name, None) for name in _NUMBERS},
                "key": arm.key,
            }
        )
    table = pd.DataFrame(content).astype(dict.fromkeys(_NUMBERS, "Int64"))
    table.attrs["measure"] = measure(journal)
    order = table.assign(last=~table["recommended"]).sort_values(["last", journal.metric], ascending=[True, False])
    return table.loc[order.index].reset_index(drop=True)
