"""`layercut run RUN`: resume with the options that the run was started with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

MEASURED = ("precision", "stack", "nondeterministic")
"""Options of `layercut run` that change what is measured: a run resumed without them would be a different one."""


class Resumed(NamedTuple):
    """How a run is resumed."""

    options: dict[str, Any]
    """Those of `MEASURED` that were given when the run was started and are not given again."""
    command: str
    """The command that does the same again."""


def resumed(context: click.Context, output_dir: Path | None, arguments: Sequence[str]) -> Resumed:
    """Return how to resume the run in a directory: as it was started, unless the new command says otherwise.

    Args:
        context: of `layercut run`.
        output_dir: of the run; None where one begins now.
        arguments: of the new command, `run` first.

    Raises:
        UserError: the way it was started cannot be read.
    """
    command = shlex.join(["layercut", *arguments])
    unsaid = [name for name in MEASURED if context.get_parameter_source(name) is ParameterSource.DEFAULT]
    if output_dir is None or not unsaid:
        return Resumed({}, command)
    begun, precision = _begun(output_dir)
    earlier = {} if precision is None else {"precision": precision}
    if begun is not None and _is_run(begun):
        first = context.command.make_context("run", shlex.split(begun)[2:], resilient_parsing=True)
        given = {name for name in MEASURED if first.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        earlier |= {name: first.params[name] for name in given}
    options = {name: earlier[name] for name in unsaid if name in earlier}
    same = begun is not None and len(unsaid) == len(MEASURED) and not context.params["overrides"]
    return Resumed(options, begun if begun and same else shlex.join(["layercut", *arguments, *_flags(options)]))


def options_of(output_dir: Path, command: click.Command, arguments: Sequence[str]) -> dict[str, Any]:
    """Return those of `MEASURED` that a run was started with.

    `command`: `layercut run`; `arguments`: those of the command that asks.

    Raises:
        UserError: they cannot be read.
    """
    context = command.make_context("run", [str(output_dir)], resilient_parsing=True)
    return resumed(context, output_dir, arguments).options


def _is_run(command: str | None) -> bool:
    return command is not None and command.startswith("layercut run ")


def _begun(output_dir: Path) -> tuple[str | None, str | None]:
    """Return the command that began a run, else the precision of its first trial; None where there is none.

    Raises:
        UserError: they cannot be read.
    """
    from layercut.errors import LedgerError, UserError
    from layercut.ledger import Ledger

    try:
        with Ledger(output_dir, read_only=True) as ledger:
            begun = ledger.meta("command")
            trial = None if _is_run(begun) else next(iter(ledger.trials()), None)
    except LedgerError as error:
        raise UserError(
            f"{output_dir}: cannot read how this run was started ({error}); give the command that started it, or its "
            f"study file with -o {output_dir}"
        ) from error
    return begun, trial.precision if trial else None


def _flags(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, bool):
            yield f"--{'' if value else 'no-'}{name}"
        else:
            yield from (f"--{name}", str(value))
