"""Find the images, classes and splits of a folder from a table beside them.

metadata.csv    file_name,label[,split][,group]    names relative to the table's folder; or metadata.parquet
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from layercut.data.classes import same_name
from layercut.data.folder_layout import ROLES, FolderLayout, Found, is_hidden, make_layout
from layercut.errors import DataError, did_you_mean, few

TABLES = ("metadata.csv", "metadata.parquet")
"""What a table in a folder of images is called."""
_PARQUET = ".parquet"
_MOST = 5
_DELIMITERS = (",", ";", "\t")


class _Row(NamedTuple):
    image: Found
    role: str | None


def is_table(path: Path) -> bool:
    """Return whether a path is called as a table is, rather than as a folder."""
    return path.suffix.lower() in (".csv", _PARQUET)


def find_table(folder: Path) -> Path | None:
    """Return the table in a folder; None where it has none.

    Raises:
        DataError: it has two.
    """
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) > 1:
        raise DataError(f"{folder}: expected one table, got {' and '.join(TABLES)}; remove one, or set `path` to it")
    return found[0] if found else None


def read_table(table: Path, group: str | None) -> FolderLayout:
    """List the images of a table; `group` is the column that says what belongs together, `group` where None.

    Raises:
        DataError: the table cannot be read, lacks a column, or names a file or split that is none.
    """
    files = _files(table)
    rows = list(_rows(table, group, files))
    if not rows:
        raise DataError(f"{table}: expected one row per image; got none")
    twice = [path for path, count in Counter(row.image.path for row in rows).items() if count > 1]
    if twice:
        raise DataError(f"{table}: each image once; {few([path.name for path in twice], _MOST)} appears more than once")
    roles: dict[str, list[Found]] = {}
    for row in sorted(rows, key=lambda row: (row.image.class_name, str(row.image.path))):
        roles.setdefault(row.role or "train", []).append(row.image)
    notes = list(_unused(table, set(files.values()) - {row.image.path for row in rows}))
    return make_layout(str(table), table.parent.name, roles, {role: role for role in roles}, notes, (table,))


def _rows(table: Path, group: str | None, files: Mapping[str, Path]) -> Iterator[_Row]:
    if table.suffix.lower() == _PARQUET:
        columns, rows = _parquet(table)
        _check_columns(table, columns, group)
        for number, values in enumerate(rows, start=1):
            yield _row(f"{table}, row {number}", table, values, group or "group", files)
        return
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(_DELIMITERS, key=header.count), strict=True)
            columns = list(reader.fieldnames or [])
            _check_columns(table, columns, group)
            for values in reader:
                yield _row(f"{table}, line {reader.line_num}", table, values, group or "group", files)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a UTF-8 table: {error}") from error


def _parquet(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return columns and rows of a Parquet file, values as a CSV file would have them.

    Raises:
        DataError: it cannot be read, or pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise DataError(f"{table}: Parquet needs pyarrow: pip install 'layercut[parquet]'") from error
    try:
        found = pq.read_table(table)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{table}: cannot be read as Parquet: {error}") from error
    rows = [{name: "" if value is None else str(value) for name, value in row.items()} for row in found.to_pylist()]
    return list(found.column_names), rows


def _check_columns(table: Path, columns: list[str], group: str | None) -> None:
    for name in ("file_name", "label", *([group] if group else [])):
        if name not in columns:
            raise DataError(
                f"{table}: expected a column {name!r}{did_you_mean(name, columns)}; got {few(columns, 10) or 'none'}"
            )


def _row(place: str, table: Path, values: dict[str, str], group: str, files: Mapping[str, Path]) -> _Row:
    for name in ("file_name", "label"):
        if not values[name]:
            raise DataError(f"{place}: expected a {name}, got nothing")
    path = files.get(_same_path(values["file_name"]), table.parent / values["file_name"])
    if not path.is_file():
        raise DataError(f"{place}: no file {path}; names are relative to the table")
    role = values.get("split")
    if role is not None and role.lower() not in ROLES:
        raise DataError(f"{place}: expected a split train, test, val, valid or validation; got {role!r}")
    if group in values and not values[group]:
        raise DataError(f"{place}: expected a {group}, got nothing")
    found = Found(path, same_name(values["label"]), values.get(group))
    return _Row(found, None if role is None else ROLES[role.lower()])


def _files(table: Path) -> dict[str, Path]:
    """Return the files beside a table and below, by their names relative to it."""
    root = table.parent
    return {
        _same_path(path.relative_to(root).as_posix()): path
        for path in root.rglob("*")
        if path != table and path.is_file() and not any(map(is_hidden, path.relative_to(root).parts))
    }


def _same_path(name: str) -> str:
    """Return the form of a relative path that is equal for equal ones, also of a table that Windows wrote."""
    return same_name(name).replace("\\", "/").removeprefix("./")


def _unused(table: Path, others: set[Path]) -> Iterator[str]:
    """Say how many files beside the table it does not name."""
    if others:
        names = few(sorted(path.name for path in others), 3)
        files, are = ("file", "is") if len(others) == 1 else ("files", "are")
        yield f"{table.parent.name}: {len(others):,} {files} that {table.name} does not name {are} not read ({names})"
