"""The tables of the ledger and their version."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3

import pytest

from layercut.errors import LedgerError
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.ledger.schema import SCHEMA_VERSION, UPGRADED_VERSION, create_tables, schema_version


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    yield connection
    connection.close()


def test_other_tables_have_another_version(connection):
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    schema = {table: connection.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}
    digest = hashlib.sha256(json.dumps(schema).encode()).hexdigest()
    assert (SCHEMA_VERSION, digest[:16]) == (12, "07ba02b9219763fb"), "a changed schema needs a new version"


def test_every_table_is_strict(connection):
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'")
    assert all(strict for _, strict in tables.fetchall())


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_the_version_before_has_all_but_pilots_judged_by_another_metric(tmp_path, examples, read_only):
    scored = tuple(dataclasses.replace(point, validation_score=0.5) for point in examples.pilot.curve)
    other = dataclasses.replace(examples.pilot, key="7" * 32, curve=scored)
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial, examples.pilot, other])
        ledger._connection.execute("ALTER TABLE pilots DROP COLUMN validation_score")
        ledger._connection.execute(f"PRAGMA user_version = {UPGRADED_VERSION}")
    for _ in range(2):
        with Ledger(tmp_path, read_only=read_only) as ledger:
            assert list(ledger.pilots()) == [examples.pilot]
            assert list(ledger.trials()) == [examples.trial]
            assert schema_version(ledger._connection) == (UPGRADED_VERSION if read_only else SCHEMA_VERSION)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_an_unreleased_version_is_refused_and_left_as_it_is(tmp_path, examples, read_only):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial])
        ledger._connection.execute(f"PRAGMA user_version = {UPGRADED_VERSION - 1}")
    before = (tmp_path / LEDGER_NAME).read_bytes()
    with pytest.raises(
        LedgerError, match=rf"schema {UPGRADED_VERSION - 1}.*development version.*move it away and run the study again"
    ):
        Ledger(tmp_path, read_only=read_only)
    assert (tmp_path / LEDGER_NAME).read_bytes() == before


def test_a_ledger_that_could_not_be_created_whole_is_not_created(monkeypatch):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    statements = ("CREATE TABLE half (done INTEGER) STRICT", "NO SUCH STATEMENT")
    monkeypatch.setattr("layercut.ledger.schema._SCHEMA", statements)
    with pytest.raises(sqlite3.OperationalError):
        create_tables(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
