"""The command line, from click's own description of it."""

from __future__ import annotations

import inspect
import re
from itertools import groupby
from pathlib import Path

import click
from docs.generators.markdown import code, table

from layercut.cli.main import COMMANDS, layercut


def page(docs: Path) -> str:
    """Return the page."""
    parts = ["# Command line", _prose(layercut.help or "")]
    context = click.Context(layercut, info_name="layercut")
    for name in COMMANDS:
        command = layercut.get_command(context, name)
        if command is not None:
            parts += _command(command, click.Context(command, info_name=name, parent=context))
    return "\n\n".join(part for part in parts if part) + "\n"


def _command(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"## {context.command_path}", code(usage), _prose(command.help or "")]
    options = [o for o in command.get_params(context) if isinstance(o, click.Option) and not o.hidden]
    rows = [_row(option, context) for option in options if "--help" not in option.opts]
    if rows:
        parts.append(table(("option", "meaning", "default"), rows))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                found = _command(child, click.Context(child, info_name=name, parent=context))
                parts += [f"#{found[0]}", *found[1:]]
    return parts


def _row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names, _ = option.get_help_record(context) or ("", "")
    default = option.get_default(context)
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    return f"`{names}`", _escaped(option.help or ""), f"`{default}`" if shown else ""


def _prose(text: str) -> str:
    """Return help as Markdown; lines that click leaves as they are (after a backspace) become code if indented."""
    parts = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.removeprefix("\b\n").split("\n")
        for indented, group in groupby(lines, lambda line: line.startswith("    ")):
            found = list(group)
            parts.append(code(inspect.cleandoc("\n".join(["", *found]))) if indented else _escaped(" ".join(found)))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Return text whose signs mean nothing to Markdown, except what stands between backticks."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_<\[$])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
