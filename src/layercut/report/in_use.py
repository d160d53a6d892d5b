"""What a chosen model costs in use, and the command that exports it, in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from layercut.figures import words
from layercut.report.verdicts import Verdict
from layercut.stats import BestCut, contexts
from layercut.stats.design import SCRATCH

_UNDECIDED: tuple[Verdict, ...] = ("unclear", "chance")
"""With these verdicts no model is recommended."""


class InUse(NamedTuple):
    """What is known of the models of a study besides their accuracies."""

    blocks_left: Mapping[tuple[str, str], Mapping[str, list[int]]]
    """By target and model: how many blocks each strategy leaves at each cut 0..B."""
    milliseconds: Mapping[tuple[str, str], list[float]]
    """By target and model: what one image takes the first 0..B blocks with a head on them."""
    processor: str
    run: Path | None
    """The output directory, where models can be taken from; None: the results were imported, or merged from others."""
    varying: tuple[str, ...]
    """Columns that tell the contexts of the study apart."""
    largest_fraction: float

    @classmethod
    def of(cls, results: pd.DataFrame) -> InUse:
        """Return what a results table tells."""
        told, latency = results.attrs.get("plan") or {}, results.attrs.get("latency") or {}
        ledger = results.attrs.get("path")
        own = told and not results.attrs.get("imported")
        return cls(
            {(row["target"], row["model"]): row["blocks_left"] for row in told.get("operations_per_image", [])},
            {(row["target"], row["model"]): row["milliseconds"] for row in latency.get("models", [])},
            latency.get("processor", ""),
            Path(ledger).parent if ledger and own else None,
            _varying(results),
            float(results["fraction"].max()),
        )


def use_notes(best: BestCut, verdict: Verdict, known: InUse) -> Iterator[str]:
    """Yield size and speed of the recommended model, and the command that exports it; nothing without one."""
    if verdict in _UNDECIDED:
        return
    if verdict != "loss":  # then it is scratch that is recommended
        yield from _costs(best, known)
    if known.run is not None:
        conditions = "".join(f" --condition {shlex.quote(f'{k}={v}')}" for k, v in _named(best, verdict, known).items())
        yield f"To get this model: `layercut export-model {shlex.quote(str(known.run))} -o model{conditions}`"


def _costs(best: BestCut, known: InUse) -> Iterator[str]:
    parts = []
    if best.num_parameters is not None and best.num_trained_parameters is not None:
        trained = "all" if best.num_trained_parameters == best.num_parameters else f"{best.num_trained_parameters:,}"
        parts.append(f"{words.count(best.num_parameters, 'parameter')}, {trained} of them trained")
    place = (best.context.target, best.context.model)
    left, times = known.blocks_left.get(place, {}).get(best.strategy), known.milliseconds.get(place)
    if left and times:
        own, whole = times[left[best.cut]], times[-1]
        beside = f" (the whole model: {whole:.2g})" if left[best.cut] < len(times) - 1 else ""
        parts.append(f"{own:.2g} ms an image{beside} on one core of {known.processor}")
    if parts:
        yield f"In use: {'; '.join(parts)}."


def _named(best: BestCut, verdict: Verdict, known: InUse) -> dict[str, str]:
    """Return by which columns a command must name the condition: what it would choose by itself is left out."""
    columns = best.context.by_column()
    named = {column: columns[column] for column in known.varying}
    if verdict == "loss":
        named["strategy"] = SCRATCH
    if best.fraction != known.largest_fraction:
        named["fraction"] = f"{best.fraction:g}"
    return named


def _varying(results: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns in which the contexts of a table differ."""
    found = [context.by_column() for context, _ in contexts(results)]
    return tuple(name for name in (found[0] if found else {}) if len({one.get(name) for one in found}) > 1)
