"""Writes the tables of training fields in `study-file.md`: `python -m docs.generators.field_tables`.

A test asks that there is nothing left to write.
"""

from __future__ import annotations

import re
from pathlib import Path

from docs.generators.markdown import table
from docs.generators.study_keys import default_of

from layercut.spec.training import PretrainingSpec, TrainingSpec

PAGE = Path(__file__).parents[1] / "study-file.md"

TABLES = {
    "training fields": list(TrainingSpec.model_fields),
    "pretraining fields": [name for name in PretrainingSpec.model_fields if name not in TrainingSpec.model_fields],
}
"""Fields of each table, by the comment above it."""

_OLD_TABLE = re.compile(r"\A(?:\|.*\n)*")


def with_tables(text: str) -> str:
    """Return a page with the table below each comment written anew."""
    for title, names in TABLES.items():
        fields = {name: PretrainingSpec.model_fields[name] for name in names}
        rows = [(f"`{name}`", default_of(field), field.description or "") for name, field in fields.items()]
        comment = f"<!-- {title}, written by docs.generators.field_tables -->\n"
        before, found, after = text.partition(comment)
        if not found:
            raise ValueError(f"expected the comment {comment.strip()!r} above a table; got none")
        text = f"{before}{comment}{table(('field', 'default', 'meaning'), rows)}\n{_OLD_TABLE.sub('', after, count=1)}"
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
