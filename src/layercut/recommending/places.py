"""Where the ledgers of a recommendation lie, and what a directory holds of one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from layercut.errors import LedgerError, UserError
from layercut.ledger import Ledger, ledger_path
from layercut.recommending.journal import Journal, read_journal


def holds_recommendation(output_dir: Path) -> bool:
    """Return whether a directory is that of a recommendation of which something is done."""
    with Ledger(output_dir, read_only=True) as ledger:
        found = read_journal(ledger)
    if found is None:
        return False
    with open_ledgers(output_dir, found) as ledgers:
        return found.recommended(found.seen_in(ledgers)) is not None


@contextmanager
def open_ledgers(output_dir: Path, journal: Journal) -> Iterator[list[Ledger]]:
    """Open the ledgers of all studies behind a recommendation, for reading."""
    with ExitStack() as stack:
        places = [output_dir / folder for folder in journal.folders.values()]
        yield [stack.enter_context(Ledger(place, read_only=True)) for place in places if ledger_path(place).is_file()]


def study_places(output_dir: Path) -> list[Path]:
    """Return where the studies lie behind what is in a directory: itself, or those of several models below it.

    A ledger of which that cannot be read is one study.
    """
    try:
        with Ledger(output_dir, read_only=True) as ledger:
            found = read_journal(ledger)
    except LedgerError:
        return [output_dir]
    return [output_dir / folder for folder in found.folders.values()] if found else [output_dir]


def has_tested_trials(output_dir: Path) -> bool:
    """Return whether a trial was evaluated on test images, as `layercut run` does it, so that a report has results."""
    with Ledger(output_dir, read_only=True) as ledger:
        return any(ledger.select("SELECT 1 FROM trials WHERE test_accuracy IS NOT NULL LIMIT 1"))


def require_own(output_dir: Path, models: Collection[str]) -> None:
    """Refuse a directory that holds a study of somebody's own, or a recommendation that is laid out otherwise.

    Raises:
        UserError: it does.
    """
    if not (output_dir / "ledger.sqlite").exists():
        return
    with Ledger(output_dir, read_only=True) as ledger:
        found = read_journal(ledger)
        if found is not None and ("" in found.folders) != ("" in models):
            one, other = ("one model", "several") if "" in found.folders else ("several models", "one")
            raise UserError(
                f"{output_dir} holds a recommendation for {one}, and this one is for {other}; give another directory "
                "with -o"
            )
        if ledger.meta("study_name") is not None and found is None:
            raise UserError(
                f"{output_dir} holds the study {ledger.meta('study_name')!r}, not a recommendation; give another "
                "directory with -o"
            )
