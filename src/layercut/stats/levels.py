"""Studies with and without a training factor: compared at a level of it, or refused with how to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from layercut.errors import UserError, did_you_mean, few
from layercut.stats.design import FACTOR, factor_columns
from layercut.stats.study_notes import Side


def at_levels(sides: tuple[Side, Side], levels: Mapping[str, str]) -> tuple[tuple[Side, Side], list[str]]:
    """Return the studies at one level of each factor named, which then is a factor no more, and a note on each.

    A study without the factor is taken as it is.

    Raises:
        UserError: neither study has the factor, or one that has it lacks the level.
    """
    known = sorted({name.removeprefix(FACTOR) for side in sides for name in factor_columns(side.table)})
    notes = []
    for factor, level in levels.items():
        if factor not in known:
            raise UserError(
                f"neither study has a training factor {factor!r}{did_you_mean(factor, known)}; "
                f"they have: {', '.join(known) or 'none'}"
            )
        having = [side.name for side in sides if FACTOR + factor in side.table]
        notes.append(f"Only trials with {factor} {level} of {' and '.join(having)} are compared.")
        sides = (_at_level(sides[0], factor, level), _at_level(sides[1], factor, level))
    return sides, notes


def common_factors(sides: tuple[Side, Side]) -> list[str]:
    """Return the columns of the training factors, which must be the same in both studies.

    Raises:
        UserError: a study has a factor that the other lacks.
    """
    factors = [factor_columns(side.table) for side in sides]
    lacking = [
        _lack(side, other, column)
        for side, other, theirs in ((sides[0], sides[1], factors[1]), (sides[1], sides[0], factors[0]))
        for column in factor_columns(side.table)
        if column not in theirs
    ]
    if lacking:
        raise UserError(f"expected the same training factors in both studies; {'; '.join(lacking)}")
    return factors[0]


def _at_level(side: Side, factor: str, level: str) -> Side:
    column, table = FACTOR + factor, side.table
    if column not in table:
        return side
    known = _levels(side, column)
    if level not in known:
        raise UserError(
            f"{side.name} has no level {level!r} of {factor}{did_you_mean(level, known)}; it has: {', '.join(known)}"
        )
    part = table[table[column] == level].drop(columns=column)
    part.attrs = dict(table.attrs)
    return replace(side, table=part)


def _lack(side: Side, other: Side, column: str) -> str:
    factor, levels = column.removeprefix(FACTOR), _levels(side, column)
    return (
        f"{side.place} has {factor} ({few(levels, 6)}), which {other.place} lacks: compare at one level of it, such "
        f"as --level {factor}={levels[0]}"
    )


def _levels(side: Side, column: str) -> list[str]:
    return list(dict.fromkeys(map(str, side.table[column])))
