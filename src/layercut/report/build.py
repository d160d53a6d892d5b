"""From an output directory to its report and its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from layercut.charts import Chart
from layercut.errors import UserError
from layercut.figures import FIGURES, charts_of, probe_charts
from layercut.ledger import ledger_path
from layercut.report import words
from layercut.report.answers import answer
from layercut.report.facts import StudyFacts, read_facts
from layercut.report.html import ContextPart, Page, render
from layercut.report.notices import notices
from layercut.report.sections import condition_rows, run_facts
from layercut.stats import (
    BestCut,
    Context,
    best_cuts,
    contexts,
    contrasts_to_scratch,
    estimates,
    load_probes,
    load_results,
)

REPORT_NAME = "report.html"


def write_report(output_dir: str | Path, others: Sequence[str | Path] = ()) -> Path:
    """Write `report.html` beside the ledger and return its path; an older one is replaced as a whole.

    `others`: output directories of other studies, whose mean a probe must beat.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    ledger = ledger_path(output_dir)
    results = load_results(ledger)
    drawn = probe_charts(results, load_probes(ledger), [load_results(other) for other in others])
    page = build_page(results, read_facts(ledger), drawn)
    path = ledger.parent / REPORT_NAME
    temporary = path.with_suffix(".html.part")
    temporary.write_text(render(page), encoding="utf-8")
    temporary.replace(path)
    return path


def write_figures(output_dir: str | Path, folder: str | Path, file_format: str = "svg") -> list[Path]:
    """Write every figure that has data into `folder`, as svg, pdf or png, sized for paper; return the paths.

    A study of several contexts (sources, targets, models, factor levels) gets a numbered file for each.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
        UserError: another format.
    """
    from layercut.charts.matplotlib import FORMATS, save  # noqa: PLC0415 - drawing the page needs no matplotlib

    if file_format not in FORMATS:
        raise UserError(f"expected one of the formats {', '.join(FORMATS)}; got {file_format!r}")
    table = load_results(ledger_path(output_dir))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    order = [context for context, _ in contexts(table)]
    paths = []
    for name in FIGURES:
        for context, chart in charts_of(name, table):
            number = f"-{order.index(context) + 1}" if len(order) > 1 else ""
            paths.append(save(chart, folder / f"{name}{number}.{file_format}"))
    for context, chart in probe_charts(table, load_probes(ledger_path(output_dir))):
        number = f"-{order.index(context) + 1}" if len(order) > 1 else ""
        paths.append(save(chart, folder / f"{chart.name}{number}.{file_format}"))
    return paths


def build_page(table: pd.DataFrame, facts: StudyFacts, of_probes: Sequence[tuple[Context, Chart]] = ()) -> Page:
    """Return the report of a results table, as a value; `of_probes` are charts that need more than the table."""
    order = [context for context, _ in contexts(table)]
    rows, contrasts, best = estimates(table), contrasts_to_scratch(table), best_cuts(table)
    charts: dict[int, list[Chart]] = {place: [] for place in range(len(order))}
    for name in FIGURES:
        for context, chart in charts_of(name, table):
            charts[order.index(context)].append(chart)
    for context, chart in of_probes:
        charts[order.index(context)].append(chart)
    parts = tuple(
        ContextPart(
            label=words.context_label(context, order),
            answers=tuple(answer(found) for found in best if found.context == context),
            charts=tuple(charts[place]),
        )
        for place, context in enumerate(order)
    )
    return Page(
        title=facts.name,
        subtitle=_subtitle(table),
        parts=parts,
        facts=tuple(run_facts(table, facts)),
        notices=tuple(notices(table, facts, rows, contrasts, best)),
        rows=tuple(condition_rows(rows, contrasts, order)),
        method=" ".join(_method(best)),
        command=facts.command or ("layercut run study.yaml" if facts.study_text else ""),
        study_text=facts.study_text,
        version=", ".join(sorted({environment.layercut_version for environment in facts.environments})),
    )


def _method(best: list[BestCut]) -> Iterator[str]:
    if best and all(found.chosen_on == "validation" for found in best):
        yield "The cut is chosen on validation images and reported on test images."
    yield "Differences are paired: the same replicate sees the same training images under every condition."
    yield "p-values: two-sided Wilcoxon signed-rank test, adjusted after Holm for all cuts of one strategy at one share"
    yield "of the data. Intervals: 95 % bootstrap (BCa) of the mean difference."


def _subtitle(table: pd.DataFrame) -> str:
    names = [list(map(str, table[column].unique())) for column in ("source", "target", "model")]
    sources, targets, models = (words.listing(values, 3) for values in names)
    return f"{sources} → {targets} · {models}" if len(table) else ""
