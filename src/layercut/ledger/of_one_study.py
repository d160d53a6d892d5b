"""Open the ledger of one study, for those who read its results."""

from __future__ import annotations

from os import PathLike

from layercut.errors import LedgerError
from layercut.files import several_studies
from layercut.ledger.opening import ledger_path
from layercut.ledger.sqlite import Ledger


def open_results(path: str | PathLike[str]) -> Ledger:
    """Open the ledger of one study to read it; a recommendation among several models has one for each, below its own.

    Args:
        path: an output directory, or a ledger file.

    Raises:
        LedgerError: there is no ledger, it is damaged, or the studies lie below the directory.
    """
    told = several_studies(ledger_path(path).parent)
    if told is not None:
        raise LedgerError(told)
    return Ledger(path, read_only=True)
