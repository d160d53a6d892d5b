"""What readers of a comparison of two studies must know before they trust its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from layercut.errors import UserError
from layercut.ledger import Ledger
from layercut.metrics import NAMES
from layercut.records import Environment
from layercut.significance import ALPHA, least_attainable_p
from layercut.stats.metric import metric_of
from layercut.stats.tables import Results, results_of


@dataclass(frozen=True)
class Side:
    """One of the two studies."""

    name: str
    place: str
    """Its output directory."""
    table: pd.DataFrame
    environments: Mapping[str, Environment]
    """Empty where only a table was given."""


def read_side(given: Results) -> Side:
    """Return a study with its environments; a table is taken as it is.

    Raises:
        UserError: the table holds several studies.
        LedgerError: there is no ledger, or it is damaged.
    """
    if isinstance(given, pd.DataFrame):
        return Side(_study_of(given), str(Path(str(given.attrs.get("path", "")))), given, {})
    table = results_of(given)
    with Ledger(given, read_only=True) as ledger:
        environments = ledger.environments()
    place = Path(table.attrs["path"]).parent
    return Side(str(table.attrs["study"] or place.name), str(place), table, environments)


def _study_of(table: pd.DataFrame) -> str:
    names = list(map(str, table["study"].dropna().unique())) if "study" in table else []
    if len(names) > 1:
        raise UserError(
            f"expected one study in each table; got one of {', '.join(names)}: compare parts of it, such as "
            f"`table[table.study == {names[0]!r}]`"
        )
    return names[0] if names and names[0] else "table"


def study_notes(sides: tuple[Side, Side], rows: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence about each way in which the two studies differ or are too small."""
    yield from _measured_differently(sides)
    yield from _environments(sides)
    for side in sides:
        if side.table.attrs.get("imported"):
            measured_on = (side.table.attrs.get("plan") or {}).get("measured_on")
            on = f"; its test accuracies are those of {', '.join(measured_on)}" if measured_on else ""
            yield f"{side.name} was imported, not measured by layercut{on}."
        yield from _unfinished(side)
        if failed := int((side.table.loc[~side.table["merged"].astype(bool), "status"] != "finished").sum()):
            yield f"{side.name}: {failed} trials failed and are left out."
    yield from _blocks(sides)
    yield from _pairing(rows)
    yield from _attainable(rows)


def _unfinished(side: Side) -> Iterator[str]:
    planned = (side.table.attrs.get("plan") or {}).get("trials_distinct")
    run = side.table["key"].nunique()
    if planned and run < planned:
        yield f"{side.name} is not complete: {run:,} of {planned:,} trials have run."


def _blocks(sides: tuple[Side, Side]) -> Iterator[str]:
    here, there = (sorted(set(side.table["num_blocks"])) for side in sides)
    if here != there:
        counts = [", ".join(map(str, found)) for found in (here, there)]
        yield (
            f"The models have {counts[0]} blocks in {sides[0].name} and {counts[1]} in {sides[1].name}: the same cut "
            "keeps a different fraction of them."
        )


def _measured_differently(sides: tuple[Side, Side]) -> Iterator[str]:
    chosen = [metric_of(side.table) for side in sides]
    if chosen[0] != chosen[1]:
        yield (
            f"The best epochs were chosen by {NAMES[chosen[0]]} in {sides[0].name} and by {NAMES[chosen[1]]} in "
            f"{sides[1].name}; differences may be due to that."
        )
    for column in ("precision", "device"):
        here, there = (sorted(map(str, side.table[column].dropna().unique())) for side in sides)
        if here != there and here and there:
            yield (
                f"{column.capitalize()} differs: {', '.join(here)} in {sides[0].name}, {', '.join(there)} in "
                f"{sides[1].name}; differences may be due to that."
            )


def _environments(sides: tuple[Side, Side]) -> Iterator[str]:
    if not all(side.environments for side in sides):
        return
    described = [_versions(side) for side in sides]
    differing = [
        f"{what} ({' and '.join(sorted(described[0].get(what, {'absent'})))} against "
        f"{' and '.join(sorted(described[1].get(what, {'absent'})))})"
        for what in sorted(described[0].keys() | described[1].keys())
        if described[0].get(what) != described[1].get(what)
    ]
    if differing:
        yield f"Measured in different environments: {', '.join(differing)}."


def _versions(side: Side) -> dict[str, set[str]]:
    """Return the values of each property of the environments of the trials."""
    used = {key: e for key, e in side.environments.items() if (side.table["environment"] == key).any()}
    found: dict[str, set[str]] = {}
    for environment in used.values():
        properties = {
            "layercut": environment.layercut_version,
            "code": environment.code_version,
            "python": environment.python_version,
            "platform": environment.platform,
            "processor": environment.processor,
            "device name": environment.device,
            **environment.libraries,
        }
        for name, value in properties.items():
            found.setdefault(name, set()).add(str(value))
    return found


def _pairing(rows: pd.DataFrame) -> Iterator[str]:
    unpaired = int((~rows["paired"]).sum())
    if unpaired:
        yield (
            f"{unpaired} of {len(rows)} conditions drew different images in the two studies, so their replicates "
            "cannot be paired: Mann-Whitney test of independent samples, which has less power."
        )


def _attainable(rows: pd.DataFrame) -> Iterator[str]:
    comparisons = max(1, int(rows["num_comparisons"].max()))
    paired = rows[rows["paired"] & rows["p"].notna()]
    most = int(paired["num_replicates"].max()) if len(paired) else 0
    if most and least_attainable_p(most, comparisons) >= ALPHA:
        yield (
            f"{most} pairs of replicates cannot reach p < {ALPHA} after Holm over {comparisons} comparisons: the "
            f"least is {least_attainable_p(most, comparisons):.2g}."
        )
