"""Build the report and figures of an output directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import pandas as pd

from layercut.charts import Chart
from layercut.charts.chart import FORMATS
from layercut.errors import UserError
from layercut.figures import FIGURES, charts_of, factor_table, words
from layercut.figures.study_tables import StudyTables
from layercut.files import explained, require_file, require_folder, written_whole
from layercut.ledger import ledger_path, write_csv
from layercut.report.answers import Answer, answer, common_notes, headline, no_answer
from layercut.report.certainty import certainty_notes
from layercut.report.facts import StudyFacts, bibtex, citation, read_facts
from layercut.report.html import ContextPart, Page, render
from layercut.report.in_use import InUse, use_notes
from layercut.report.notices import notices
from layercut.report.probe_table import PROBE_COLUMNS, probe_rows, probe_verdicts
from layercut.report.sections import COLUMNS, condition_rows, run_facts
from layercut.report.settings import setting_table, write_settings
from layercut.report.source_table import SOURCE_COLUMNS, source_table
from layercut.report.table_files import (
    best_markdown,
    full_best,
    full_conditions,
    full_scoreboard,
    rows_markdown,
    write_markdown,
)
from layercut.report.verdicts import Known
from layercut.stats import BestCut, contexts, undecided
from layercut.stats.tables import Results

REPORT_NAME = "report.html"


def write_report(output_dir: str | PathLike[str], others: Sequence[str | PathLike[str]] = ()) -> Path:
    """Write `report.html` beside the ledger and return its path; an older one is replaced as a whole.

    `others`: output directories of other studies, whose mean a probe must beat.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
        UserError: the file cannot be written.
    """
    ledger = ledger_path(output_dir)
    path = ledger.parent / REPORT_NAME
    require_file(path)
    page = build_page(StudyTables.read(ledger, others), read_facts(ledger))
    text = render(page)
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


def write_figures(
    output_dir: str | PathLike[str],
    folder: str | Path,
    file_format: str = "svg",
    others: Sequence[str | PathLike[str]] = (),
) -> list[Path]:
    """Write every figure that has data into `folder`, as svg, pdf or png, sized for paper; return the paths.

    A study of several contexts (sources, targets, models, factor levels) gets a numbered file for each.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
        UserError: another format, or the folder cannot be written.
    """
    from layercut.charts.matplotlib import save  # noqa: PLC0415 - drawing the page needs no matplotlib

    if file_format not in FORMATS:
        raise UserError(f"expected one of the formats {', '.join(FORMATS)}; got {file_format!r}")
    folder = Path(folder).expanduser()
    require_folder(folder)
    tables = StudyTables.read(ledger_path(output_dir), others)
    order = [context for context, _ in tables.contexts()]
    paths = []
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in FIGURES:
            for context, chart in charts_of(name, tables):
                number = f"-{order.index(context) + 1}" if len(order) > 1 else ""
                paths.append(save(chart, folder / f"{name}{number}.{file_format}"))
        if (settings := factor_table.compute(tables)) is not None:
            paths.append(save(settings, folder / f"{settings.name}.{file_format}"))
    return paths


def write_tables(
    output_dir: str | PathLike[str], folder: str | Path, others: Sequence[str | PathLike[str]] = ()
) -> list[Path]:
    """Write the report's tables into `folder`, each as CSV (every digit) and as Markdown (as printed).

    The scoreboard of probes only where there is one, and its rows over all sources of a target as Markdown of their
    own; `others` as in `write_report`.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
        UserError: a file cannot be written.
    """
    tables = StudyTables.read(ledger_path(output_dir), others)
    order = [context for context, _ in contexts(tables.results)]
    labels = [words.context_label(context, order) for context in order]
    rows = condition_rows(tables.estimates, tables.contrasts, order)
    known = Known.of(tables.results.attrs.get("plan") or {}, tables.results)
    folder = Path(folder).expanduser()
    paths = [
        write_csv(full_conditions(tables.estimates, tables.contrasts), folder / "conditions.csv"),
        write_markdown(rows_markdown(COLUMNS, rows, labels), folder / "conditions.md"),
        write_csv(full_best(tables.best), folder / "best_cuts.csv"),
        write_markdown(
            best_markdown(tables.best, known, undecided(tables.estimates), labels, order), folder / "best_cuts.md"
        ),
        *write_settings(tables, folder),
    ]
    if judged := probe_rows(tables.scoreboard, order):
        shown = rows_markdown(PROBE_COLUMNS, judged, labels)
        paths.append(write_csv(full_scoreboard(tables.scoreboard), folder / "scoreboard.csv"))
        paths.append(write_markdown(shown, folder / "scoreboard.md"))
    if (sources := source_table(tables.scoreboard)) is not None:
        shown = rows_markdown(SOURCE_COLUMNS, sources.rows, sources.labels)
        paths.append(write_markdown(shown, folder / "scoreboard_sources.md"))
    return paths


def build_page(study: StudyTables | Results, facts: StudyFacts) -> Page:
    """Return the report of a study's tables, or of its results table alone, as a value."""
    tables = StudyTables.of(study)
    results, best = tables.results, tables.best
    found = tables.contexts()
    order = [context for context, _ in found]
    figures = [FIGURES[name] for name in FIGURES]
    known, use = Known.of(facts.plan, results), InUse.of(results)
    parts = tuple(
        _part(
            words.context_label(context, order),
            () if known.unfinished else tuple(_answer(one, part, known, use) for one in part.best),
            tuple(chart for compute in figures if (chart := compute(part)) is not None),
            () if known.unfinished else tuple(no_answer(one) for one in undecided(part.estimates)),
        )
        for context, part in found
    )
    return Page(
        title=facts.name,
        subtitle=_subtitle(results),
        parts=parts,
        facts=tuple(run_facts(results, facts)),
        notices=tuple(notices(results, facts, tables.estimates, tables.contrasts, best)),
        rows=tuple(condition_rows(tables.estimates, tables.contrasts, order)),
        method=" ".join(_method(best, imported=bool(facts.imported))),
        command=facts.command or ("layercut run study.yaml" if facts.study_text else ""),
        study_text=facts.study_text,
        version=", ".join(sorted({environment.layercut_version for environment in facts.environments})),
        probe_rows=tuple(probe_rows(tables.scoreboard, order)),
        probe_verdicts=tuple(probe_verdicts(tables.scoreboard)),
        sources=source_table(tables.scoreboard),
        failures=facts.failures,
        citation=citation(facts),
        bibtex=bibtex(facts),
        settings=setting_table(tables),
        unfinished=known.unfinished,
        metric=tables.metric,
    )


def _answer(best: BestCut, tables: StudyTables, known: Known, use: InUse) -> Answer:
    found = answer(best, known)
    notes = list(found.notes)
    if found.verdict != "loss":  # what it says of the chosen cut helps nobody who is told to train from scratch
        notes += certainty_notes(best, tables.results, tables.probability_best, tables.good_enough)
    return replace(found, notes=tuple(notes), follows=tuple(use_notes(best, found.verdict, use)))


def _part(
    label: str, answers: tuple[Answer, ...], charts: tuple[Chart, ...], undecided: tuple[str, ...]
) -> ContextPart:
    common = common_notes(answers)
    shown = tuple(replace(one, notes=tuple(note for note in one.notes if note not in common)) for one in answers)
    said = headline(answers) or "No cut is chosen." if answers or undecided else ""
    return ContextPart(label, shown, charts, said, common, undecided)


def _method(best: list[BestCut], imported: bool) -> Iterator[str]:
    if best:
        yield "The cut is chosen on validation images and reported on test images."
    if imported:
        yield "Differences are paired by the number of the repeat; the files do not say whether equal numbers saw the"
        yield "same training images."
    else:
        yield "Differences are paired: the same replicate sees the same training images under every condition."
    yield "p-values: two-sided Wilcoxon signed-rank test, Holm-adjusted for all cuts of one strategy at one fraction"
    yield "of the data. Intervals of differences: 95 %, the same test inverted and adjusted alike, so that an interval"
    yield "leaves out 0 exactly where p is below 0.05. Bootstrap draws are of replicates, on"
    yield "test accuracy." if imported else "test images."


def _subtitle(table: pd.DataFrame) -> str:
    names = [list(map(str, table[column].unique())) for column in ("source", "target", "model")]
    sources, targets, models = (words.listing(values, 3) for values in names)
    return f"{sources} → {targets} · {models}" if len(table) else ""
