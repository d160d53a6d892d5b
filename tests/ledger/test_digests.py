"""A row that is not what was written is noticed by whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layercut.errors import LedgerError
from layercut.ledger import Ledger
from layercut.ledger.digests import row_digest
from layercut.stats.probe_tables import load_probes
from layercut.stats.tables import load_curves, load_failures, load_results

READERS: dict[str, list[Callable[[Path], Any]]] = {
    "trials": [load_results, load_curves, lambda path: list(Ledger(path).trials())],
    "trial_details": [load_curves, lambda path: list(Ledger(path).trials())],
    "pretrainings": [lambda path: list(Ledger(path).pretrainings())],
    "probes": [load_probes],
    "failures": [load_results, load_failures],
    "condition_names": [load_results, lambda path: list(Ledger(path).names())],
    "environments": [lambda path: Ledger(path).environments()],
    "meta": [lambda path: Ledger(path).meta("study_name")],
}


@pytest.fixture
def filled(tmp_path: Path, examples) -> Path:
    """Return the folder of a ledger with a row in each table."""
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial, examples.pretraining, examples.probe, examples.failure])
        ledger.add_names([examples.name])
        ledger.add_environment(examples.environment)
        ledger.set_meta("study_name", "demo")
    return tmp_path


def _columns(folder: Path, table: str) -> list[tuple[str, str]]:
    with Ledger(folder) as ledger:
        return list(ledger.select("SELECT name, type FROM pragma_table_info(?)", (table,)))


def test_a_digest_stays_what_it_is_on_every_machine_and_python():
    row = ("ä", 1, -(2**40), 0.1, float("inf"), b"\0\xff", None, "z", None)
    assert row_digest(row).hex() == "610746dd99a4880802ed406141961f1d"


@pytest.mark.parametrize("table", READERS)
def test_a_changed_value_in_any_column_is_noticed_by_every_reader(filled, table):
    key = {"condition_names": "condition", "meta": None, "trial_details": None}.get(table, "key")
    changed = {"TEXT": "'x'", "INTEGER": "77", "REAL": "1e300", "BLOB": "x'00'"}
    for column, kind in _columns(filled, table):
        if column in ("id", "trial", "name"):
            continue
        with Ledger(filled) as ledger:
            before = next(ledger.select(f"SELECT {column} FROM {table}"))[0]  # noqa: S608 - our own names
            ledger._connection.execute(f"UPDATE {table} SET {column} = {changed[kind]}")  # noqa: S608 - our own names
        for read in READERS[table]:
            if column in (key, "condition") and read is load_results:
                continue  # under another condition, the trial is of no name that the study has
            with pytest.raises(LedgerError, match=r"changed after it was written.*layercut run"):
                read(filled)
        with Ledger(filled) as ledger:
            ledger._connection.execute(f"UPDATE {table} SET {column} = ?", (before,))  # noqa: S608 - our own names
    for read in READERS[table]:
        read(filled)


def test_a_trial_without_its_details_is_no_trial_less(filled):
    with Ledger(filled) as ledger:
        ledger._connection.execute("DELETE FROM trial_details")
    with Ledger(filled) as ledger, pytest.raises(LedgerError, match="changed after it was written"):
        list(ledger.trials())
    with Ledger(filled) as ledger, pytest.raises(LedgerError, match="changed after it was written"):
        ledger.records_hash()


def test_details_of_another_trial_are_noticed(tmp_path, examples):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append(examples.trials(2))
        ledger._connection.execute("UPDATE trial_details SET trial = 3 - trial + 10")
        ledger._connection.execute("UPDATE trial_details SET trial = trial - 10")
        with pytest.raises(LedgerError, match="changed after it was written"):
            list(ledger.trials())


def test_the_digest_is_of_the_values_that_come_back(ledger, examples):
    odd = replace(examples.trial, wall_seconds=float("nan"), test_loss=-0.0, log_area=1, frozen_unchanged=False)
    ledger.append([odd])
    (stored,) = ledger.trials()
    assert (stored.wall_seconds, stored.test_loss, stored.log_area, stored.frozen_unchanged) == (None, 0.0, 1.0, False)


def test_a_column_that_comes_later_changes_no_digest_of_before(tmp_path, examples):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append([examples.trial])
        ledger._connection.execute("ALTER TABLE trials ADD COLUMN mood TEXT")
        columns = [name for name, _ in _columns(tmp_path, "trials") if name not in ("id", "digest")]
        (row,) = ledger.select(f"SELECT {', '.join(columns)} FROM trials")  # noqa: S608 - our own names
        ((digest,),) = ledger.select("SELECT digest FROM trials")
    assert columns[-1] == "mood"
    assert row_digest(row) == digest
