"""A ledger of any past version becomes one of today's, with everything in it.

`versions/vN.sql` is the dump of a ledger of version N that holds the records of `conftest.Examples`. A new step
in `MIGRATIONS` needs one more dump, made with `sqlite3.Connection.iterdump`; the dumps that are there never change.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from layercut.ledger import LEDGER_NAME, Ledger, migrations, opening
from layercut.ledger.migrations import APPLICATION_ID, SCHEMA_VERSION, migrate, schema_version

VERSIONS = Path(__file__).parent / "versions"


def _restore(version: int, path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript((VERSIONS / f"v{version}.sql").read_text(encoding="utf-8"))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def _schema(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: connection.execute(f"PRAGMA table_xinfo({table})").fetchall() for table in tables}


def test_every_version_has_a_dump():
    assert {path.name for path in VERSIONS.glob("*.sql")} == {
        f"v{version}.sql" for version in range(1, SCHEMA_VERSION + 1)
    }


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
@pytest.mark.parametrize("read_only", [False, True])
def test_a_past_version_keeps_all_records(tmp_path, examples, version, read_only):
    _restore(version, tmp_path / LEDGER_NAME)
    with Ledger(tmp_path, read_only=read_only) as ledger:
        assert list(ledger.trials()) == [examples.trial]
        assert list(ledger.pilots()) == ([examples.pilot] if version >= 9 else [])
        assert list(ledger.pretrainings()) == [examples.pretraining]
        assert list(ledger.probes()) == [examples.probe]
        assert list(ledger.failures()) == [examples.failure]
        assert list(ledger.names()) == [examples.name]
        assert ledger.environments() == {"e": examples.environment}
        assert ledger.meta("study_name") == "demo"


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_past_version_gets_the_schema_of_a_new_ledger(tmp_path, version):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    _restore(version, tmp_path / "old" / LEDGER_NAME)
    with Ledger(tmp_path / "old") as old, Ledger(tmp_path / "new", create=True) as new:
        assert _schema(old._connection) == _schema(new._connection)


def test_an_older_ledger_is_brought_up_to_date_even_for_reading(tmp_path, examples, monkeypatch):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial])
    step = ("ALTER TABLE trials ADD COLUMN mood TEXT",)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    monkeypatch.setattr(opening, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with Ledger(tmp_path, read_only=True) as ledger:
        assert list(ledger.select("SELECT key, mood FROM trials")) == [(examples.trial.key, None)]


def test_a_step_that_fails_leaves_the_version_before_it(monkeypatch):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    step = ("CREATE TABLE half (done INTEGER) STRICT", "NO SUCH STATEMENT")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection)
    assert schema_version(connection) == SCHEMA_VERSION
    assert "half" not in _schema(connection)
    connection.close()


def test_every_table_is_strict():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'")
    assert all(strict for _, strict in tables.fetchall())
    connection.close()
