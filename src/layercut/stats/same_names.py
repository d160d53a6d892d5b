"""The same thing under two names, such as a default that one study file spells out and the other omits."""

from __future__ import annotations

from dataclasses import replace

from layercut.stats.study_notes import Side

_COLUMNS = ("source", "target", "model")


def under_one_name(sides: tuple[Side, Side]) -> tuple[tuple[Side, Side], list[str]]:
    """Return the studies, with the second's names replaced by the first's where they mean the same, and a note on each.

    Plans tell what a name stands for; a name that both studies have, or that stands for several things, stays.
    """
    table, notes = sides[1].table, []
    for column in _COLUMNS:
        known, other = (_meant(side, column) for side in sides)
        here, there = (set(map(str, side.table[column].unique())) for side in sides)
        renamed = {}
        for name in sorted(there - here):
            same = [label for label, key in known.items() if key == other.get(name) and label in here - there]
            if len(same) == 1:
                renamed[name] = same[0]
                notes.append(f"The {column} {name} in {sides[1].name} is the {same[0]} of {sides[0].name}.")
        if renamed and len(set(renamed.values())) == len(renamed):
            attributes = dict(table.attrs)
            table = table.assign(**{column: table[column].replace(renamed)})
            table.attrs = attributes
    return (sides[0], replace(sides[1], table=table)), notes


def _meant(side: Side, column: str) -> dict[str, str]:
    plan = side.table.attrs.get("plan") or {}
    return dict((plan.get("meant") or {}).get(column, {}))
