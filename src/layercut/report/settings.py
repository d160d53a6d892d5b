"""All settings of a study side by side, for the page and as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from layercut.figures.factor_table import columns_of, printed, settings_of
from layercut.figures.study_tables import StudyTables
from layercut.ledger import write_csv
from layercut.report.table_files import markdown, write_markdown
from layercut.stats.settings import setting_names


class SettingTable(NamedTuple):
    """A table as printed: the setting, replicates, and the columns of the figure `factor_table`."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def setting_table(tables: StudyTables) -> SettingTable | None:
    """Return the table of a whole study; None where the figure has nothing to show."""
    table = settings_of(tables)
    if table is None:
        return None
    counts = (str(count) for count in table["num_replicates"])
    rows = zip(setting_names(table), counts, printed(table), strict=True)
    return SettingTable(
        ("Setting", "Replicates", *columns_of(table)), tuple((name, count, *row) for name, count, row in rows)
    )


def write_settings(tables: StudyTables, folder: Path) -> Iterator[Path]:
    """Write `settings.csv` and `settings.md`, where there is such a table.

    Raises:
        UserError: a file cannot be written.
    """
    full, shown = settings_of(tables), setting_table(tables)
    if full is not None and shown is not None:
        yield write_csv(full, folder / "settings.csv")
        yield write_markdown(markdown(shown.head, shown.rows), folder / "settings.md")
