"""The tables of the ledger and their version."""

from __future__ import annotations

import hashlib
import json
import sqlite3

import pytest

from layercut.errors import LedgerError
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.ledger.schema import SCHEMA_VERSION, create_tables


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
    assert (SCHEMA_VERSION, digest[:16]) == (11, "98415d0451705d41"), "a changed schema needs a new version"


def test_every_table_is_strict(connection):
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'")
    assert all(strict for _, strict in tables.fetchall())


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_an_unreleased_version_is_refused_and_left_as_it_is(tmp_path, examples, read_only):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial])
        ledger._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    before = (tmp_path / LEDGER_NAME).read_bytes()
    with pytest.raises(
        LedgerError, match=rf"schema {SCHEMA_VERSION - 1}.*development version.*move it away and run the study again"
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
