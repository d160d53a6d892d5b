"""Names in a study file: what counts is their text as it stands there, not what YAML makes of it.

YAML 1.1 reads `00010` as the octal 8, `yes` and `off` as booleans, `12:30` as 750, `2020-01-01` as a date, `1_0` as
10, `0x1F` as 31, `1.10` as 1.1 and `null` as nothing. Folders, classes and levels are called so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import yaml

_TEXT = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_INDEX = re.compile(r"0|-?[1-9][0-9]*")

_TASKS = ("source", "target")
_BY_NAME_OR_NUMBER = (
    *((task, "classes", "*") for task in _TASKS),
    *((task, "groups", "*", "*") for task in _TASKS),
    ("model", "cuts", "*"),
    ("transfer", "cuts", "*"),
)
"""Where classes and blocks stand: by name, or by number where the text is that of one."""
_NAMES = (
    ("name",),
    ("model", "name"),
    ("model", "factory"),
    ("model", "blocks", "*"),
    ("transfer", "strategies", "*"),
    ("transfer", "strategies", "*", "name"),
    ("transfer", "strategies", "*", "label"),
    ("transfer", "strategies", "*", "blocks", "*"),
    *((task, key) for task in _TASKS for key in ("dataset", "path", "checkpoint", "weights", "group")),
)
_KEYS = (
    *((task, "groups") for task in _TASKS),
    ("transfer", "factors"),
    ("transfer", "factors", "*"),
    ("transfer", "training", "class_weights"),
    *((task, "training", "class_weights") for task in _TASKS),
    ("transfer", "factors", "*", "*", "class_weights"),
)
"""Mappings whose keys are names that the user chose."""


def as_class(text: str) -> int | str:
    """Return a class as it is written: an index where the text is a plain decimal number, else a name.

    Example:
        >>> [as_class(text) for text in ("7", "007", "yes", "-1")]
        [7, '007', 'yes', -1]
    """
    return int(text) if _INDEX.fullmatch(text) else text


def keep_names(node: yaml.Node, path: Sequence[str] = ()) -> None:
    """Mark what is a name in a composed study file, or in the part of one at `path`, so that it is read as text."""
    if isinstance(node, yaml.ScalarNode):
        _keep_scalar(node, path)
    for step, child in _children(node, path):
        keep_names(child, (*path, step))


def _children(node: yaml.Node, path: Sequence[str]) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if _is_at(path, _KEYS) and _is_plain(key):
                    key.tag = _TEXT
                yield key.value, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield str(index), value


def _keep_scalar(node: yaml.ScalarNode, path: Sequence[str]) -> None:
    if not _is_plain(node) or not node.value:
        return
    is_named = _is_at(path, _BY_NAME_OR_NUMBER) and isinstance(as_class(node.value), str)
    if is_named or (_is_at(path, _NAMES) and node.tag != _NULL):
        node.tag = _TEXT


def _is_plain(node: yaml.ScalarNode) -> bool:
    """Return whether YAML chose the type: no quotes and no tag."""
    return node.style is None and node.tag in _IMPLICIT


_IMPLICIT = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "null", "timestamp", "merge", "value")}


def _is_at(path: Sequence[str], places: Sequence[Sequence[str]]) -> bool:
    """Return whether a path is one of some places; of lists of sources, targets and models each entry is meant."""
    steps = list(path)
    if len(steps) > 1 and steps[0] in (*_TASKS, "model") and steps[1].isdigit():
        del steps[1]
    return any(
        len(steps) == len(place) and all(want in ("*", step) for want, step in zip(place, steps, strict=True))
        for place in places
    )
