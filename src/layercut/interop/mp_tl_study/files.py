"""Read and check the files; nothing is interpreted.

`cuts_NAME.json` (older: `results_NAME.json`) and `baselines_NAME.json` are a list whose first element is the
parameters of the study, followed by one mapping per trial. The cluster file is a list of mappings only.

Reference:
    mp-tl-study, README, "Output file structure".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from layercut.errors import UserError

FileKind = Literal["cuts", "baselines", "cluster"]

BASELINE_CUT = -1
"""The cut that stands for training from scratch."""

CLUSTER_FIELDS = (
    "Percentage",
    "Repeat",
    "Layer",
    "Precision",
    "Recall",
    "Accuracy",
    "ARI",
    "Dataset",
    "Split",
)


class ResultFile(NamedTuple):
    """One file, as it is."""

    path: Path
    kind: FileKind
    parameters: Mapping[str, Any]
    """Empty for a cluster file."""
    rows: list[dict[str, Any]]


def read_file(path: Path) -> ResultFile:
    """Read and check one file.

    Raises:
        UserError: it cannot be read, or holds something else than expected; the message says where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected JSON; {error}") from error
    if not isinstance(content, list) or not content or not all(isinstance(row, dict) for row in content):
        raise UserError(
            f"{path}: expected a list of mappings, the first of them the parameters (or, in a cluster file, "
            f"all of them results); got {_shown(content)}"
        )
    if "Layer" in content[0]:
        _check_rows(path, content, 0, _CLUSTER_CHECKS)
        return ResultFile(path, "cluster", {}, content)
    parameters, *rows = content
    if "sampled_cut_point" in parameters:
        raise UserError(f"{path}, element 0: expected the parameters of the study; got a trial")
    if not rows:
        raise UserError(f"{path}: expected trials after the parameters; got none")
    _check_parameters(path, parameters)
    _check_rows(path, rows, 1, _TRIAL_CHECKS)
    baselines = all(row["sampled_cut_point"] == BASELINE_CUT for row in rows)
    for index, row in enumerate(rows, start=1):
        if row["sampled_cut_point"] > parameters["depth"]:
            raise UserError(
                f"{path}, element {index}: expected sampled_cut_point of at most depth = "
                f"{parameters['depth']}; got {row['sampled_cut_point']}"
            )
    return ResultFile(path, "baselines" if baselines else "cuts", parameters, rows)


class _Check(NamedTuple):
    passes: Callable[[Any], bool]
    expected: str


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


_SHARE = _Check(_share, "a number in 0..1")
_FRACTION = _Check(lambda value: _share(value) and value > 0, "a number in (0, 1]")
_REPEAT = _Check(lambda value: _whole(value) and 0 <= value < 2**31, "a whole number from 0")
_TEXT = _Check(lambda value: isinstance(value, str), "a text")
_SCORE = _Check(_number, "a number")
_TRIAL_CHECKS = {
    "sampled_percentage": _FRACTION,
    "sampled_cut_point": _Check(lambda value: _whole(value) and value >= BASELINE_CUT, "-1 or a number of blocks"),
    "repeat": _REPEAT,
    "train_acc": _SHARE,
    "test_acc": _SHARE,
}
_CLUSTER_CHECKS = {
    "Percentage": _FRACTION,
    "Repeat": _REPEAT,
    "Layer": _TEXT,
    "Precision": _SCORE,
    "Recall": _SCORE,
    "Accuracy": _SCORE,
    "ARI": _SCORE,
    "Dataset": _TEXT,
    "Split": _TEXT,
}
_FLAGS = ("freeze", "reinit", "truncate")


def _check_rows(path: Path, rows: list[dict[str, Any]], first: int, checks: Mapping[str, _Check]) -> None:
    for index, row in enumerate(rows, start=first):
        for field, check in checks.items():
            if field not in row:
                raise UserError(f"{path}, element {index}: expected {field}, {check.expected}; it is missing")
            if not check.passes(row[field]):
                got = _shown(row[field])
                raise UserError(f"{path}, element {index}: expected {field} to be {check.expected}; got {got}")
        rate = row.get("lr")
        if rate is not None and not (_number(rate) and math.isfinite(rate)):
            raise UserError(f"{path}, element {index}: expected lr to be a number; got {_shown(rate)}")


def _check_parameters(path: Path, parameters: Mapping[str, Any]) -> None:
    where = f"{path}, element 0 (the parameters)"
    depth = parameters.get("depth")
    if depth is None or not _whole(depth) or depth < 1:
        raise UserError(f"{where}: expected depth, a number of blocks from 1; got {_shown(depth)}")
    for flag in _FLAGS:
        if not isinstance(parameters.get(flag, False), bool | None):
            raise UserError(f"{where}: expected {flag} to be true or false; got {_shown(parameters[flag])}")
    for field in ("pre_train_task", "fine_tune_task"):
        if not isinstance(parameters.get(field, ""), str):
            raise UserError(f"{where}: expected {field} to be a text; got {_shown(parameters[field])}")
    for field in ("pre_train_classes", "fine_tune_classes", "percentages"):
        values = parameters.get(field, [])
        if not isinstance(values, list) or not all(isinstance(v, str | int | float) for v in values):
            raise UserError(f"{where}: expected {field} to be a list of numbers; got {_shown(values)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
