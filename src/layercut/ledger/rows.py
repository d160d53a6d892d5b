"""Convert records to SQLite rows and back, without losing a bit.

SQLite has no NaN: a scalar that is NaN is stored, and read, as None. Curves keep NaN and infinity.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from layercut.keys import canonical_json
from layercut.ledger.digests import Row
from layercut.ledger.sealed import ChangedRowError, SealedRows, SealedTable
from layercut.records import (
    POINT_VALUES,
    ConditionName,
    Environment,
    EpochPoint,
    FailureRecord,
    PilotRecord,
    PretrainingRecord,
    ProbeRecord,
    TrialRecord,
)

_POINT = struct.Struct("<iddddB")
"""Epoch, two training values, two validation values, and which of the last two are known (bits 1 and 2)."""

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
"""Made once: `json.dumps` makes one for every record."""

HAS_VALIDATION_LOSS, HAS_VALIDATION_ACCURACY = 1, 2

CURVE_DTYPE = [
    ("epoch", "<i4"),
    ("train_loss", "<f8"),
    ("train_accuracy", "<f8"),
    ("validation_loss", "<f8"),
    ("validation_accuracy", "<f8"),
    ("has", "u1"),
]
"""The same bytes for `numpy.frombuffer`, for those who read many curves at once."""

T = TypeVar("T")


def encode_curve(curve: Iterable[EpochPoint]) -> bytes:
    """Return 37 bytes an epoch; every float keeps its bits."""
    pack = _POINT.pack
    return b"".join(
        [
            pack(
                epoch,
                train_loss,
                train_accuracy,
                0.0 if loss is None else loss,
                0.0 if accuracy is None else accuracy,
                (HAS_VALIDATION_LOSS if loss is not None else 0)
                + (HAS_VALIDATION_ACCURACY if accuracy is not None else 0),
            )
            for epoch, train_loss, train_accuracy, loss, accuracy in map(POINT_VALUES, curve)
        ]
    )


BESIDE_CURVE = {"learning_rates": "learning_rate", "validation_scores": "validation_score"}
"""Columns that came after the curve's own, and the value of each epoch that they hold."""


def encode_values(curve: Sequence[EpochPoint], name: str) -> bytes | None:
    """Return 8 bytes an epoch with one of its values, NaN where it is not known; None where none is."""
    values = [getattr(point, name) for point in curve]
    if values.count(None) == len(values):
        return None
    return struct.pack(f"<{len(values)}d", *[math.nan if value is None else value for value in values])


def decode_values(values: bytes | None, curve: tuple[EpochPoint, ...], name: str) -> tuple[EpochPoint, ...]:
    """Return a curve with the values that `encode_values` packed.

    Raises:
        ValueError: there are more or fewer of them than epochs.
    """
    if values is None:
        return curve
    if len(values) != 8 * len(curve):
        raise ValueError(f"{name} must be 8 bytes per epoch; got {len(values)} bytes for {len(curve)} epochs")
    known = struct.unpack(f"<{len(curve)}d", values)
    return tuple(
        _with_value(point, name, None if math.isnan(value) else value)
        for point, value in zip(curve, known, strict=True)
    )


def _with_value(point: EpochPoint, name: str, value: float | None) -> EpochPoint:
    changed: dict[str, Any] = {name: value}
    return dataclasses.replace(point, **changed)


def decode_curve(points: bytes) -> tuple[EpochPoint, ...]:
    """Return the curve that `encode_curve` packed, without what other columns hold of it.

    Raises:
        ValueError: the number of bytes is no multiple of an epoch's.
    """
    try:
        rows = list(_POINT.iter_unpack(points))
    except struct.error as error:
        raise ValueError(f"a curve must be {_POINT.size} bytes an epoch; got {len(points)} bytes") from error
    return tuple(
        EpochPoint(
            epoch,
            loss,
            accuracy,
            v_loss if has & HAS_VALIDATION_LOSS else None,
            v_acc if has & HAS_VALIDATION_ACCURACY else None,
        )
        for epoch, loss, accuracy, v_loss, v_acc, has in rows
    )


def _optional_json(value: Any) -> str | None:
    return None if value is None else _json(value)


def _json(value: Any) -> str:
    """Return JSON with NaN and infinity as Python's json writes and reads them."""
    return _JSON.encode(value) if value else "{}"


_ENCODERS: dict[str, Callable[[Any], Any]] = {
    "curve": encode_curve,
    "seeds": _json,
    "scores": _json,
    "log_accuracies": _json,
    "libraries": _json,
    "factors": canonical_json,
    "rates": lambda rates: canonical_json(rates) if rates else None,
    "classification_report": _optional_json,
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "curve": decode_curve,
    "seeds": json.loads,
    "scores": json.loads,
    "log_accuracies": json.loads,
    "libraries": json.loads,
    "factors": json.loads,
    "rates": lambda text: tuple(json.loads(text or "[]")),
    "classification_report": lambda text: None if text is None else json.loads(text),
    "merged": bool,
    "cutless": bool,
    "transfers": bool,
    "diverged": bool,
    "frozen_unchanged": lambda value: None if value is None else bool(value),
}


class RowCodec(Generic[T]):
    """Turns one kind of frozen dataclass into rows of its tables, and back.

    A field is a column of the same name, in one of the tables; a curve is several columns (`BESIDE_CURVE`).
    """

    def __init__(self, kind: type[T], *tables: SealedTable) -> None:
        self.kind = kind
        self.rows = SealedRows(*tables)
        self._fields = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
        self._values = attrgetter(*self._fields)
        self._encoders = [(i, _ENCODERS[c]) for i, c in enumerate(self._fields) if c in _ENCODERS]
        self._decoders = [(i, _DECODERS[c]) for i, c in enumerate(self._fields) if c in _DECODERS]
        self._curve = self._fields.index("curve") if "curve" in self._fields else None
        self._stored = [*self._fields, *(BESIDE_CURVE if self._curve is not None else ())]

    @cached_property
    def _to_tables(self) -> list[itemgetter[Any]]:
        tables = (self.rows.table, *self.rows.parts)
        return [itemgetter(*map(self._stored.index, table.values)) for table in tables]

    @cached_property
    def _from_row(self) -> itemgetter[Any]:
        return itemgetter(*map(self.rows.names.index, self._stored))

    @cached_property
    def _is_sound(self) -> Callable[[Row], bool]:
        return self.rows.sound()

    def encode(self, record: T) -> list[Row]:
        """Return a row for each table, its digest last."""
        values = list(self._values(record))
        for index, encoder in self._encoders:
            values[index] = encoder(values[index])
        if self._curve is not None:
            values += [encode_values(record.curve, name) for name in BESIDE_CURVE.values()]  # type: ignore[attr-defined]
        of_table, *of_parts = self._to_tables
        row = self.rows.table.seal(of_table(values))
        parts = zip(self.rows.parts, of_parts, strict=True)
        return [row, *(part.seal(of_part(values), row[0]) for part, of_part in parts)]

    def decode(self, row: Row) -> T:
        """Return the record whose values of `rows.columns` are `row`.

        Raises:
            ChangedRowError: the row is not what `encode` made.
            ValueError: it is, but what was encoded is no such record.
        """
        if not self._is_sound(row):
            raise ChangedRowError
        values = list(self._from_row(row))
        for index, decoder in self._decoders:
            values[index] = decoder(values[index])
        if self._curve is not None:
            for place, name in enumerate(BESIDE_CURVE.values(), start=len(self._fields)):
                values[self._curve] = decode_values(values[place], values[self._curve], name)
            values = values[: len(self._fields)]
        return self.kind(*values)


TRIALS = RowCodec(TrialRecord, SealedTable("trials"), SealedTable("trial_details", link="trial"))
FINISHED = SealedRows(TRIALS.rows.table)
"""Trials without their details, which are large and lie apart."""

PILOTS = RowCodec(PilotRecord, SealedTable("pilots"))
PRETRAININGS = RowCodec(PretrainingRecord, SealedTable("pretrainings"))
PROBES = RowCodec(ProbeRecord, SealedTable("probes"))
FAILURES = RowCodec(FailureRecord, SealedTable("failures"))
NAMES = RowCodec(ConditionName, SealedTable("condition_names"))
ENVIRONMENTS = RowCodec(Environment, SealedTable("environments"))
META = SealedRows(SealedTable("meta"))
