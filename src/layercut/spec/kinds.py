"""Kinds of values that a study file may hold: those of JSON."""

from __future__ import annotations

import yaml

_KINDS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}


def check_kinds(node: yaml.Node) -> None:
    """Refuse what YAML knows beside text, numbers, truth values, nothing, lists and mappings.

    Raises:
        yaml.YAMLError: it has bytes, a date, a set, ...; says where.
    """
    if node.tag not in _KINDS:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        raise yaml.constructor.ConstructorError(
            problem=f"expected text, a number, a truth value, a list or a mapping; got `{kind}`: put text in quotes",
            problem_mark=node.start_mark,
        )
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    for child in children:
        for part in child if isinstance(child, tuple) else (child,):
            check_kinds(part)
