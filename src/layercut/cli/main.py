"""`layercut`: commands by name, imported when they are called, and errors in one line."""

from __future__ import annotations

import errno
import io
import signal
import sys
from collections.abc import Sequence

import click

from layercut.cli.terminal import say
from layercut.errors import LayercutError, StorageFullError, UserError
from layercut.files import why_full
from layercut.registry import import_object

COMMANDS = {
    "init": ("layercut.cli.init:command", "Write a study file for a folder of images, with every line explained."),
    "run": ("layercut.cli.run:command", "Run a study, or finish one that was interrupted."),
    "plan": ("layercut.cli.plan:command", "Show what a study would do, without running it."),
    "show": ("layercut.cli.shipped:command", "Print the study file of a shipped study or of a run."),
    "status": ("layercut.cli.status:command", "Show the progress of a study."),
    "verify": ("layercut.cli.verify:command", "Check that nothing a study wrote has changed on disk."),
    "report": ("layercut.cli.report:command", "Write the HTML report of a study, or its figures."),
    "scoreboard": (
        "layercut.cli.scoreboard:command",
        "Show how well probes predicted the best cut, compared with rules that ignore the target.",
    ),
    "recommend": (
        "layercut.cli.recommend:command",
        "Recommend how much of a model to keep for your images, and train it, in minutes.",
    ),
    "probe": (
        "layercut.cli.probe:command",
        "Score the features of pretrained models on your images, without training.",
    ),
    "predict": ("layercut.cli.predict:command", "Classify pictures with a study's model."),
    "export-model": ("layercut.cli.export_model:command", "Write a study's model for timm, ONNX or PyTorch."),
    "recipe": (
        "layercut.cli.recipe:command",
        "Print code that freezes and trains the same layers in another framework.",
    ),
    "compare": ("layercut.cli.compare:command", "Compare the results of two studies, condition by condition."),
    "export": ("layercut.cli.export:command", "Write a study's results as CSV, Parquet or mp-tl-study JSON."),
    "import": ("layercut.cli.import_:command", "Read mp-tl-study JSON results into a ledger."),
    "list": (
        "layercut.cli.list_:command",
        "List datasets, models and their cuts, strategies, probes, figures, executors or studies.",
    ),
    "data": ("layercut.cli.data:command", "Show, download or verify datasets."),
    "doctor": ("layercut.cli.doctor:command", "Show what this machine has and what is missing."),
}

_BAD_PATHS = {errno.ENAMETOOLONG, errno.ELOOP}
"""What the system says of paths that no file can have, wherever they are first used."""

EXIT_USER_ERROR = 2
EXIT_TRIALS_FAILED = 3
EXIT_DISK_FULL = 4
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = import_object(COMMANDS[cmd_name][0])
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        from layercut.errors import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="layercut")
def layercut() -> None:
    """How much of a trained network should you keep for your data, and what should you do with the rest?

    \b
    Start here, in about a minute, with nothing to download:
        layercut run
    An answer in ten minutes for your own images, one folder per class:
        layercut recommend timm/resnet18 --data photos
    Or a full study of them:
        layercut init photos        writes photos.yaml, every line explained
        layercut plan photos.yaml   shows what it would do
        layercut run photos.yaml    does it

    Exit codes: 0 all trials finished; 2 invalid input; 3 finished, but some trials failed; 4 stopped because the disk
    is full; 130 interrupted. After 3, 4 and 130 the same command resumes where it stopped.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        result = layercut.main(args=arguments, prog_name="layercut", standalone_mode=False)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(file=shown)
        say(shown.getvalue().rstrip("\n"), err=True)
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):  # click turns a Ctrl-C in a command into its Abort
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C while Python ends would print a traceback
        say("interrupted; nothing finished is lost; run the same command again to resume", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except (StorageFullError, OSError) as error:
        if isinstance(error, OSError) and error.errno in _BAD_PATHS:
            _complain(UserError(f"cannot use the path {str(error.filename)[:200]!r}: {error.strerror}; give another"))
            sys.exit(EXIT_USER_ERROR)
        if isinstance(error, OSError) and not why_full(error):
            raise
        _complain(error)
        say("free some space, then run the same command again: it resumes where it stopped", err=True)
        sys.exit(EXIT_DISK_FULL)
    except UserError as error:
        _complain(error)
        sys.exit(EXIT_USER_ERROR)
    sys.exit(result if isinstance(result, int) else 0)


def _complain(error: LayercutError | OSError) -> None:
    say(f"layercut: {error}", err=True)


if __name__ == "__main__":
    main()
