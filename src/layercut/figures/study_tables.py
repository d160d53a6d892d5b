"""The tables that figures and reports are made from, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.stats import BestCut, Context, best_cuts, contexts, contrasts_to_scratch, estimates, load_results
from layercut.stats.tables import load_curves, load_probes


@dataclass(frozen=True, eq=False)
class Measured:
    """What a ledger holds besides its trials' results; empty without a path."""

    path: str | Path | None = None
    others: tuple[pd.DataFrame, ...] = ()
    """Results of other studies, whose means probes must beat."""

    @cached_property
    def curves(self) -> pd.DataFrame:
        """What `layercut.stats.tables.load_curves` gives."""
        return pd.DataFrame(columns=["key", "condition"]) if self.path is None else load_curves(self.path)

    @cached_property
    def curve_rows(self) -> dict[str, NDArray[np.intp]]:
        """Positions in `curves` by condition."""
        positions = self.curves.groupby("condition", sort=False).indices
        return {str(condition): np.asarray(places) for condition, places in positions.items()}

    @cached_property
    def probes(self) -> pd.DataFrame:
        """What `layercut.stats.tables.load_probes` gives."""
        return pd.DataFrame(columns=["probe", "source"]) if self.path is None else load_probes(self.path)


@dataclass(frozen=True, eq=False)
class StudyTables:
    """A study, or one context of it, as tables; estimates are computed once for all figures.

    Example:
        >>> import pandas as pd
        >>> StudyTables(pd.DataFrame()).probes.empty
        True
    """

    results: pd.DataFrame
    """What `layercut.stats.load_results` gives."""
    measured: Measured = field(default_factory=Measured)
    context: Context | None = None
    """The one context that it holds; None: a whole study."""
    whole: StudyTables | None = None
    """The study that a context is of, for what compares its sources; None where these are all of it."""

    @classmethod
    def read(cls, path: str | Path, others: Iterable[str | Path] = ()) -> StudyTables:
        """Read an output directory or a ledger; `others`: of other studies, whose means probes must beat.

        Raises:
            LedgerError: there is no ledger, or it is damaged.
        """
        return cls(load_results(path), Measured(path, tuple(load_results(other) for other in others)))

    @classmethod
    def of(cls, tables: StudyTables | pd.DataFrame) -> StudyTables:
        """Return the tables themselves, or those of a study of which only the results are known."""
        return tables if isinstance(tables, StudyTables) else cls(tables)

    def contexts(self) -> Iterator[tuple[Context, StudyTables]]:
        """Yield each context with its tables, in the order of first appearance.

        Where there are probes but no trials, each probed source is a context.
        """
        if self.results.empty:
            for source in self.probes["source"].unique():
                context = Context(str(source), "", "")
                yield context, StudyTables(self.results, self.measured, context, self)
        for context, rows in contexts(self.results):
            yield context, StudyTables(rows, self.measured, context, self)

    @property
    def probes(self) -> pd.DataFrame:
        """One row for each probe, layer, fraction and replicate of the context, with a column a score.

        A probe that names no target or model belongs to all of them.
        """
        probes = self.measured.probes
        attributes = dict(probes.attrs)
        for column in ("source", "target", "model") if self.context else ():
            wanted = getattr(self.context, column)
            if column in probes and wanted:
                probes = probes[probes[column].isin([wanted] if column == "source" else [wanted, ""])]
        probes.attrs = attributes
        return probes

    def curves(self, condition: str) -> pd.DataFrame:
        """Return one row for each replicate and epoch of a condition."""
        return self.measured.curves.iloc[self.measured.curve_rows.get(condition, [])]

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """One row a condition; see `layercut.stats.estimates`."""
        return estimates(self.results)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Differences to scratch, one row a condition; see `layercut.stats.contrasts_to_scratch`."""
        return contrasts_to_scratch(self.results)

    @cached_property
    def best(self) -> list[BestCut]:
        """The best condition at each fraction; see `layercut.stats.best_cuts`."""
        return best_cuts(self.results)

    @cached_property
    def best_by_strategy(self) -> list[BestCut]:
        """The best cut of each strategy at each fraction."""
        return best_cuts(self.results, by_strategy=True)
