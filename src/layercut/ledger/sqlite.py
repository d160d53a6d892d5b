"""The ledger: one SQLite file that holds every record of a study, and only ever grows.

The runner is its one writer; readers may look at any time. `append` is one transaction in
write-ahead mode, so a kill -9 loses at most the batch in flight.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from types import TracebackType
from typing import Any, TypeVar

from layercut.ledger.appending import append_records, insert
from layercut.ledger.damage import damaged_rows, file_problems, take_out
from layercut.ledger.opening import explained, ledger_path, open_connection
from layercut.ledger.rows import ENVIRONMENTS, FAILURES, META, NAMES, PILOTS, PRETRAININGS, PROBES, TRIALS, RowCodec
from layercut.ledger.schema import transaction
from layercut.ledger.sealed import ChangedRowError, SealedRows
from layercut.records import (
    FINAL_FAILURES,
    ConditionName,
    Environment,
    FailureRecord,
    PilotRecord,
    PretrainingRecord,
    ProbeRecord,
    Record,
    TrialRecord,
    exact_content,
)

T = TypeVar("T")

_ROWS_A_FETCH = 500

_NAMED = "condition IN (SELECT condition FROM condition_names)"

_SEARCHED = "search IN (SELECT search FROM condition_names)"

_ASKED = "(SELECT key FROM meta, json_each(meta.value) WHERE name = 'probings')"
_PROBED = f"(probing IN {_ASKED} OR NOT EXISTS (SELECT 1 FROM meta WHERE name = 'probings'))"  # noqa: S608 - ours
_PROBED_FAILURE = f"(job = 'probe' AND condition IN {_ASKED})"
"""Probes that the study asks for: the names in the mapping that `set_meta("probings", ...)` wrote, else all."""


class Ledger:
    """All records of a study, in one file.

    Args:
        path: the file, or the output directory that holds it as `ledger.sqlite`.
        create: make the file where there is none.
        read_only: look only, at the ledger as it is at the first look; another process may write meanwhile.

    Raises:
        LedgerError: the file is missing, damaged, no ledger, or one of another schema.
        StorageFullError: no space is left to create it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Ledger(folder, create=True) as ledger:
        ...     ledger.append([TrialRecord("k", "c", 0, 0.9, None, 0.8)])
        ...     ledger.counts()["finished"]
        1
    """

    def __init__(self, path: str | PathLike[str], create: bool = False, read_only: bool = False) -> None:
        self.path = ledger_path(path)
        self._connection = open_connection(self.path, create, read_only)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it by the last one to close."""
        self._connection.close()

    # --- writing -----------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record]) -> None:
        """Write all records in one transaction, or none of them.

        A trial or pretraining removes the failure of the same key. A failure takes the place of an
        earlier failure of the same key, and is dropped where the key has succeeded. A record that is
        there already is ignored. Only a trial that left the test images alone gives way to the same one with a look
        at them.

        Raises:
            LedgerError: a key is there with another result; the same trial must always give the same bits.
            StorageFullError: no space left; nothing of this call was written and the ledger is whole.
        """
        with self._transaction():
            append_records(self._connection, records)

    def forget_failures(self, keys: Iterable[str]) -> None:
        """Remove the failures of jobs that are done again now, and whose success would leave no record."""
        with self._transaction():
            self._connection.executemany("DELETE FROM failures WHERE key = ?", [(key,) for key in keys])

    def add_environment(self, environment: Environment) -> None:
        """Record the environment of a run; one that is there already is ignored."""
        with self._transaction():
            self._connection.execute(
                f"{insert(ENVIRONMENTS.rows.table)} ON CONFLICT (key) DO NOTHING",
                ENVIRONMENTS.encode(environment)[0],
            )

    def add_names(self, names: Iterable[ConditionName]) -> None:
        """Write down which condition measures each design point.

        A point that is there already takes its new condition.
        """
        update = ", ".join(f"{column} = excluded.{column}" for column in NAMES.rows.table.columns)
        with self._transaction():
            self._connection.executemany(
                f"{insert(NAMES.rows.table)} ON CONFLICT (source, target, model, strategy, cut, fraction, factors)"
                f" DO UPDATE SET {update}",
                (NAMES.encode(name)[0] for name in names),
            )

    def replace_names(self, names: Iterable[ConditionName]) -> None:
        """Forget all names and write down these: results then show what the study now asks for.

        Records stay; those of conditions without a name come back when a study asks for them again.
        """
        with self._transaction():
            self._connection.execute("DELETE FROM condition_names")
            self._connection.executemany(insert(NAMES.rows.table), (NAMES.encode(name)[0] for name in names))

    def set_meta(self, name: str, value: Any) -> None:
        """Write down a JSON value about the whole study, in place of an earlier one."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        statement = insert(META.table).replace("INSERT", "INSERT OR REPLACE", 1)
        with self._transaction():
            self._connection.execute(statement, META.table.seal((name, text)))

    # --- reading -----------------------------------------------------------------------------------------

    def meta(self, name: str) -> Any:
        """Return the JSON value that `set_meta` wrote; None where there is none."""
        for _, text, _ in self.checked(META, clause="WHERE name = ?", parameters=(name,)):
            with explained(self.path):
                return json.loads(text)
        return None

    def environments(self) -> dict[str, Environment]:
        """Return all environments by key."""
        return {environment.key: environment for environment in self._read(ENVIRONMENTS)}

    def names(self) -> Iterator[ConditionName]:
        """Iterate over all design points, in the order in which they were first added."""
        return self._read(NAMES, "ORDER BY id")

    def finished_keys(self) -> set[str]:
        """Return the keys that need not be run again: of all results, and of failures that are final."""
        tables = ("trials", "pilots", "pretrainings", "probes")
        query = " UNION ALL ".join(f"SELECT key FROM {table}" for table in tables)  # noqa: S608 - our own names
        keys = {key for (key,) in self.select(query)}
        failures = self.select("SELECT key, kind FROM failures")
        return keys | {key for key, kind in failures if kind in FINAL_FAILURES}

    def pretraining(self, key: str) -> PretrainingRecord | None:
        """Return the pretraining of that key; None where there is none."""
        return next(self._read(PRETRAININGS, "WHERE key = ?", (key,)), None)

    def trials(self) -> Iterator[TrialRecord]:
        """Iterate over all finished trials, in the order in which they were appended."""
        return self._read(TRIALS, "ORDER BY id")

    def pilots(self, named: bool = False) -> Iterator[PilotRecord]:
        """Iterate over all trainings that serve to choose a learning rate, in the order in which they were appended.

        `named` leaves out those of conditions that the study no longer asks for.
        """
        return self._read(PILOTS, f"WHERE {_SEARCHED if named else 'TRUE'} ORDER BY id")

    def pretrainings(self) -> Iterator[PretrainingRecord]:
        """Iterate over all pretrainings, in the order in which they were appended."""
        return self._read(PRETRAININGS, "ORDER BY id")

    def probes(self, named: bool = False) -> Iterator[ProbeRecord]:
        """Iterate over all probes, in the order in which they were appended.

        `named` leaves out those that the study no longer asks for.
        """
        return self._read(PROBES, f"WHERE {_PROBED if named else 'TRUE'} ORDER BY id")

    def failures(self) -> Iterator[FailureRecord]:
        """Iterate over all failures of trials and of other jobs, in the order in which they were appended."""
        return self._read(FAILURES, "ORDER BY id")

    def counts(self, named: bool = False) -> dict[str, Any]:
        """Return all counts, from indexes only.

        `finished`: trials; `failed`: failed trials by kind; `failed_jobs`: other failed jobs by kind;
        `failed_probes`: probes without a score by kind; `pilots`, `pretrainings`, `probes`, `names`, `conditions`.
        `named` leaves out trials, pilots and probes that the study no longer asks for.
        """
        failed: dict[str, dict[str, int]] = {"transfer": {}, "probe": {}, "other": {}}
        only = f"condition IS NULL OR {_NAMED} OR {_PROBED_FAILURE}" if named else "TRUE"
        query = (
            "SELECT CASE WHEN job IN ('transfer', 'probe') THEN job ELSE 'other' END, kind, count(*) "  # noqa: S608
            f"FROM failures WHERE {only} GROUP BY 1, 2"
        )
        for job, kind, count in self.select(query):
            failed[job][kind] = count
        return {
            "finished": self._count(f"SELECT count(*) FROM trials WHERE {_NAMED if named else 'TRUE'}"),  # noqa: S608
            "failed": failed["transfer"],
            "failed_jobs": failed["other"],
            "failed_probes": failed["probe"],
            "pilots": self._count(f"SELECT count(*) FROM pilots WHERE {_SEARCHED if named else 'TRUE'}"),  # noqa: S608
            "pretrainings": self._count("SELECT count(*) FROM pretrainings"),
            "probes": self._count(f"SELECT count(*) FROM probes WHERE {_PROBED if named else 'TRUE'}"),  # noqa: S608
            "names": self._count("SELECT count(*) FROM condition_names"),
            "conditions": self._count("SELECT count(DISTINCT condition) FROM condition_names"),
        }

    def records_hash(self, named: bool = False) -> str:
        """Return `records.records_hash` over all trials and probes, with failures that are final; memory does not grow.

        `named` leaves out trials and probes that the study no longer asks for. What pilots chose is in it, as the rate
        is part of a trial's key; pilots are not, because a run that changed its list may hold more than it needed.
        """
        only = f"job = 'transfer' AND {_NAMED} OR {_PROBED_FAILURE}" if named else "job IN ('transfer', 'probe')"
        failures = self._read(FAILURES, f"WHERE {only} ORDER BY key")
        final = (record for record in failures if record.final)
        digest = hashlib.sha256()
        trials = self._read(TRIALS, f"WHERE {_NAMED if named else 'TRUE'} ORDER BY key")
        probes = self._read(PROBES, f"WHERE {_PROBED if named else 'TRUE'} ORDER BY key")
        results: list[Iterator[TrialRecord | ProbeRecord | FailureRecord]] = [trials, probes, final]
        for record in heapq.merge(*results, key=lambda record: record.key):
            digest.update(exact_content(record).encode())
            digest.update(b"\n")
        return digest.hexdigest()

    def select(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows of a query, for tables that are made of many rows at once.

        Raises:
            LedgerError: the file is damaged or in use.
        """
        with explained(self.path):
            cursor = self._connection.execute(query, parameters)
        while True:
            with explained(self.path):
                rows = cursor.fetchmany(_ROWS_A_FETCH)
            if not rows:
                return
            yield from rows

    def damage(self) -> list[str]:
        """Return what has changed since it was written, by name; reads every row (about 10 s for a million trials).

        Raises:
            LedgerError: the file cannot be read to its end.
        """
        with explained(self.path):
            return [*map(str, damaged_rows(self._connection)), *file_problems(self._connection)]

    def mend(self) -> list[str]:
        """Remove whatever has changed since it was written, so that it counts as not done; return what that was.

        Raises:
            LedgerError: the file is damaged beyond its rows and indexes.
        """
        with explained(self.path):
            found = [str(damaged) for damaged in take_out(self._connection)]
        self.note_mended(found)
        return found

    def note_mended(self, found: Sequence[str]) -> None:
        """Write down what was found damaged, besides what was before: `meta("mended")`."""
        if found:
            self.set_meta("mended", [*(self.meta("mended") or []), *found])

    def checked(
        self, rows: SealedRows, first: str = "", clause: str = "", parameters: Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Iterate over rows as they are stored, each checked: the values of `first`, if given, then `rows.names`.

        Raises:
            LedgerError: a row is not what was written, or the file is damaged or in use.
        """
        start = len(first.split(",")) if first else 0
        columns = f"{first}, {rows.columns}" if first else rows.columns
        is_sound = rows.sound(start)
        query = f"SELECT {columns} FROM {rows.source} {clause}"  # noqa: S608 - our own names
        with explained(self.path):
            for row in self.select(query, parameters):
                if not is_sound(row):
                    raise ChangedRowError
                yield row

    # --- how ---------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.path), transaction(self._connection):
            yield

    def _read(self, codec: RowCodec[T], clause: str = "", parameters: Sequence[Any] = ()) -> Iterator[T]:
        query = f"SELECT {codec.rows.columns} FROM {codec.rows.source} {clause}"  # noqa: S608 - our own names
        with explained(self.path):
            yield from map(codec.decode, self.select(query, parameters))

    def _count(self, query: str) -> int:
        return int(next(self.select(query))[0])
