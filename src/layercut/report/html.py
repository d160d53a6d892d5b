"""The page: one self-contained HTML file, for screen and paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from layercut.charts import Chart
from layercut.charts.palette import DARK, DARK_COLORS, LIGHT
from layercut.figures.names import strategies_in_order
from layercut.metrics import ACCURACY, NAMES
from layercut.report.answers import Answer
from layercut.report.facts import FailureGroup
from layercut.report.figure_data import figure_data, table_data
from layercut.report.notices import Notice
from layercut.report.packed import packed, packed_plotly
from layercut.report.probe_table import PROBE_COLUMNS
from layercut.report.sections import COLUMNS, ConditionRow, Fact, explained_by
from layercut.report.settings import SettingTable
from layercut.report.source_table import SOURCE_COLUMNS, SourceTable

MANY_CONTEXTS = 3
"""With more contexts than this, answers are folded under one line for each."""


@dataclass(frozen=True)
class ContextPart:
    """Answers and figures of one context; `label` is empty where there is only one context."""

    label: str
    answers: tuple[Answer, ...]
    charts: tuple[Chart, ...]
    headline: str = ""
    """All answers in one sentence."""
    notes: tuple[str, ...] = ()
    """What holds for every answer."""
    undecided: tuple[str, ...] = ()
    """The text for each fraction of the data at which nothing is chosen."""


@dataclass(frozen=True)
class Page:
    """All that a report shows."""

    title: str
    subtitle: str
    parts: tuple[ContextPart, ...]
    facts: tuple[Fact, ...]
    notices: tuple[Notice, ...]
    rows: tuple[ConditionRow, ...]
    method: str
    command: str
    study_text: str
    version: str
    probe_rows: tuple[ConditionRow, ...] = ()
    """The scoreboard."""
    probe_verdicts: tuple[str, ...] = ()
    sources: SourceTable | None = None
    """The scoreboard over all sources of a target."""
    failures: tuple[FailureGroup, ...] = ()
    citation: str = ""
    bibtex: str = ""
    settings: SettingTable | None = None
    unfinished: str = ""
    """What is said in place of any answer while trials are missing."""
    metric: str = NAMES[ACCURACY]
    """What conditions are compared by, as a sentence says it."""

    @property
    def has_figures(self) -> bool:
        """Whether anything is drawn."""
        return any(part.charts for part in self.parts)


def render(page: Page) -> str:
    """Return the page as HTML; every text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("layercut.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["unbroken"] = _unbroken
    environment.filters["with_code"] = _with_code
    contexts = [part.label for part in page.parts]
    tables = {
        "conditions": {
            "columns": explained_by(COLUMNS, page.metric),
            "rows": table_data(page.rows),
            "contexts": contexts,
        },
        "probes": {
            "columns": explained_by(PROBE_COLUMNS, page.metric),
            "rows": table_data(page.probe_rows),
            "contexts": contexts,
        },
    }
    choices = {"conditions": _choices(page.rows), "probes": _choices(page.probe_rows)}
    if page.sources is not None:
        rows, labels = table_data(page.sources.rows), page.sources.labels
        tables["sources"] = {"columns": explained_by(SOURCE_COLUMNS, page.metric), "rows": rows, "contexts": labels}
        choices["sources"] = _choices(page.sources.rows)
    data = {
        "themes": {"light": LIGHT._asdict(), "dark": DARK._asdict()},
        "darkColors": DARK_COLORS,
        "tables": tables,
    }
    return environment.get_template("report.html.j2").render(
        page=page,
        data=packed(data),
        figures=[packed([figure_data(chart) for chart in part.charts]) for part in page.parts],
        plotly=packed_plotly() if page.has_figures else "",
        scales=[_scale(part.answers) for part in page.parts],
        folded=len(page.parts) > MANY_CONTEXTS,
        choices=choices,
        contexts=contexts,
        light=LIGHT,
        dark=DARK,
    )


def _choices(rows: Sequence[ConditionRow]) -> dict[str, list[str]]:
    """Return what a table can be restricted to."""
    return {
        "strategies": strategies_in_order({name for row in rows for name in row.strategies}),
        "fractions": list(dict.fromkeys(row.fraction for row in rows)),
    }


def _unbroken(text: str) -> str:
    """Return a sentence whose numbers stay on one line with their units and signs."""
    for mark in ("p = ", "p <", "< ", "> ", " %", " points"):
        text = text.replace(mark, mark.replace(" ", "\u00a0"))
    return text


def _with_code(text: str) -> Markup:
    """Return a sentence as HTML, in which what stands in back ticks is code.

    Example:
        >>> _with_code("Run `a < b`.")
        Markup('Run <code>a &lt; b</code>.')
    """
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else _unbroken(part) for place, part in enumerate(parts)
    )


def _scale(answers: Sequence[Answer]) -> tuple[float, float]:
    """Return the ends, in points, of the axis that all interval bars of a context share; 0 is always on it."""
    ends = [bound for answer in answers if answer.difference for bound in answer.difference]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin
