"""The tables that figures and reports are made from, each read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.artifacts import (
    KeptImages,
    KeptRepresentations,
    KeptTrial,
    kept_images,
    kept_representations,
    kept_trials,
)
from layercut.ledger import ledger_path
from layercut.significance import ALPHA
from layercut.stats import (
    BestCut,
    Context,
    best_cuts,
    contexts,
    contrasts_to_scratch,
    estimates,
    good_enough,
    load_results,
    probability_best,
    rank_groups,
    scoreboard,
)
from layercut.stats.design import finished, rows_of
from layercut.stats.details import CLASS_COLUMNS, SOURCE_COLUMNS, load_class_scores, load_sources
from layercut.stats.metric import name_of
from layercut.stats.pilot_tables import PILOT_COLUMNS, load_pilots
from layercut.stats.probe_tables import load_probes
from layercut.stats.tables import CURVE_COLUMNS, Results, load_curves, results_of


@dataclass(frozen=True, eq=False)
class Measured:
    """What a ledger holds besides its trials' results; empty without a path."""

    path: str | PathLike[str] | None = None
    others: tuple[pd.DataFrame, ...] = ()
    """Results of other studies, whose means probes must beat."""

    @cached_property
    def curves(self) -> pd.DataFrame:
        """What `layercut.stats.tables.load_curves` gives."""
        return pd.DataFrame(columns=CURVE_COLUMNS) if self.path is None else load_curves(self.path)

    @cached_property
    def curve_rows(self) -> dict[str, NDArray[np.intp]]:
        """Positions in `curves` by condition."""
        positions = self.curves.groupby("condition", sort=False).indices
        return {str(condition): np.asarray(places) for condition, places in positions.items()}

    @cached_property
    def probes(self) -> pd.DataFrame:
        """What `layercut.stats.probe_tables.load_probes` gives."""
        return pd.DataFrame(columns=["probe", "source"]) if self.path is None else load_probes(self.path)

    @cached_property
    def pilots(self) -> pd.DataFrame:
        """What `layercut.load_pilots` gives."""
        return pd.DataFrame(columns=PILOT_COLUMNS) if self.path is None else load_pilots(self.path)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """What `layercut.load_sources` gives."""
        return pd.DataFrame(columns=SOURCE_COLUMNS) if self.path is None else load_sources(self.path)

    @cached_property
    def class_scores(self) -> pd.DataFrame:
        """What `layercut.load_class_scores` gives."""
        return pd.DataFrame(columns=CLASS_COLUMNS) if self.path is None else load_class_scores(self.path)

    @cached_property
    def kept(self) -> list[KeptTrial]:
        """What `layercut.artifacts.kept_trials` gives."""
        return [] if self.path is None else kept_trials(ledger_path(self.path).parent)

    @cached_property
    def images(self) -> list[KeptImages]:
        """Some training images of each task, where the study keeps them."""
        return [] if self.path is None else kept_images(ledger_path(self.path).parent)

    @cached_property
    def representations(self) -> list[KeptRepresentations]:
        """What `layercut.artifacts.kept_representations` gives."""
        return [] if self.path is None else kept_representations(ledger_path(self.path).parent)


@dataclass(frozen=True, eq=False)
class StudyTables:
    """A study, or one context of it, as tables; each is computed once for all figures and all contexts.

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
    def read(cls, path: str | PathLike[str], others: Iterable[str | PathLike[str]] = ()) -> StudyTables:
        """Read an output directory or a ledger; `others`: of other studies, whose means probes must beat.

        Raises:
            LedgerError: there is no ledger, or it is damaged.
        """
        return cls(load_results(path), Measured(path, tuple(load_results(other) for other in others)))

    @classmethod
    def of(cls, given: StudyTables | Results) -> StudyTables:
        """Return the tables themselves, those of a path, or those of a study of which only the results are known.

        Raises:
            UserError: it is something else.
            LedgerError: there is no ledger, or it is damaged.
        """
        if isinstance(given, StudyTables):
            return given
        results = results_of(given)
        return cls(results) if isinstance(given, pd.DataFrame) else cls(results, Measured(given))

    def contexts(self) -> list[tuple[Context, StudyTables]]:
        """Return each context with its tables, in the order of first appearance.

        Where there are probes but no trials, each probed source is a context.
        """
        return self._parts

    @cached_property
    def _parts(self) -> list[tuple[Context, StudyTables]]:
        if self.results.empty:
            found = [(Context(str(source), "", ""), self.results) for source in self.probes["source"].unique()]
        else:
            found = list(contexts(self.results))
        return [(context, StudyTables(rows, self.measured, context, self)) for context, rows in found]

    @property
    def probes(self) -> pd.DataFrame:
        """One row for each probe, layer, fraction and replicate of the context, with one column per score.

        A probe that names no target or model belongs to all of them.
        """
        probes = self.measured.probes
        for column in ("source", "target", "model") if self.context else ():
            wanted = getattr(self.context, column)
            if column in probes and wanted:
                probes = probes[probes[column].isin([wanted] if column == "source" else [wanted, ""])]
        return probes

    @property
    def pilots(self) -> pd.DataFrame:
        """One row for each pilot and design point of the context whose learning rate it helped to choose."""
        return self._own(self.measured.pilots)

    def curves(self, condition: str) -> pd.DataFrame:
        """Return one row for each replicate and epoch of a condition."""
        return self.measured.curves.iloc[self.measured.curve_rows.get(condition, [])]

    @cached_property
    def kept(self) -> list[KeptTrial]:
        """What is kept of trials of the context, ordered by design point and replicate."""
        conditions = set(self.results["condition"]) if len(self.results) else set()
        return [trial for trial in self.measured.kept if trial.card["condition"] in conditions]

    @cached_property
    def images(self) -> list[KeptImages]:
        """Some training images of the context's source and target."""
        names = (self.context.source, self.context.target) if self.context else None
        return [one for one in self.measured.images if names is None or one.used_as & set(names)]

    @cached_property
    def finished(self) -> pd.DataFrame:
        """Finished trials under every name, with what figures of single trials show."""
        done = finished(self.results)[["strategy", "cut", "fraction", "cutless", "key", "score", "wall_seconds"]]
        done.attrs = {}  # pandas copies them, deeply, whenever it takes rows
        return done

    @property
    def metric(self) -> str:
        """What conditions are compared by, as a sentence says it: accuracy, unless the study says otherwise."""
        return name_of(self.results)

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """One row a condition; see `layercut.stats.estimates`."""
        return self._own(self.whole.estimates) if self.whole else estimates(self.results)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Differences to scratch, one row per condition; see `layercut.stats.contrasts_to_scratch`."""
        return self._own(self.whole.contrasts) if self.whole else contrasts_to_scratch(self.results)

    @cached_property
    def good_enough(self) -> pd.DataFrame:
        """What is shown to be as good as the best; see `layercut.stats.good_enough`."""
        return (
            self._own(self.whole.good_enough)
            if self.whole
            else good_enough(self.results, estimated=self.estimates, best=self.best)
        )

    @cached_property
    def probability_best(self) -> pd.DataFrame:
        """How sure each winner is; see `layercut.stats.probability_best`."""
        return (
            self._own(self.whole.probability_best)
            if self.whole
            else probability_best(self.results, estimated=self.estimates)
        )

    @cached_property
    def scoreboard(self) -> pd.DataFrame:
        """How well probes choose; see `layercut.stats.scoreboard`. Empty where nothing was probed."""
        if self.whole:
            board = self.whole.scoreboard
            return self._own(board[board["scope"] == "cut"]) if len(board) else board
        if self.results.empty or self.probes.empty:
            return pd.DataFrame()
        return scoreboard(self.results, self.probes, self.measured.others)

    @cached_property
    def letters(self) -> dict[tuple[str, int, float], str]:
        """Rank group of each strategy, cut and fraction; none where no two cuts could ever be told apart."""
        groups = rank_groups(self.results)
        told = groups[groups["least_p"] < ALPHA]
        points = zip(told["strategy"], told["cut"], told["fraction"], told["letters"], strict=True)
        return {(str(strategy), int(cut), float(fraction)): str(letters) for strategy, cut, fraction, letters in points}

    @cached_property
    def best(self) -> list[BestCut]:
        """The best condition at each fraction; see `layercut.stats.best_cuts`."""
        if self.whole:
            return [one for one in self.whole.best if one.context == self.context]
        return best_cuts(self.results, estimated=self.estimates, contrasted=self.contrasts)

    @cached_property
    def best_by_strategy(self) -> list[BestCut]:
        """The best cut of each strategy at each fraction, not compared with its rivals."""
        if self.whole:
            return [one for one in self.whole.best_by_strategy if one.context == self.context]
        return best_cuts(
            self.results, by_strategy=True, estimated=self.estimates, contrasted=self.contrasts, with_rivals=False
        )

    def _own(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table of the whole study that are about this context."""
        return rows_of(table, self.context) if self.context else table
