"""Every exception that layercut raises on purpose.

Each message says what was expected, what came, and what to do. The command line turns
a `UserError` into one line on stderr and exit code 2; anything else is a defect of ours.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence


class LayercutError(Exception):
    """Base of everything raised on purpose."""


class UserError(LayercutError):
    """Something the user gave cannot be used; found before work starts."""


class SpecError(UserError):
    """A study file says something impossible."""


class UnknownNameError(UserError):
    """A name that no registry holds."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], meant: str | None = None, num_known: int | None = None
    ) -> None:
        """`known` may be some of `num_known` names."""
        known = sorted(known)
        suggestion = f"; did you mean {meant!r}?" if meant else did_you_mean(name, known)
        rest = f", ... ({num_known:,} in all)" if num_known is not None and num_known > len(known) else ""
        super().__init__(f"unknown {kind} {name!r}{suggestion}; known: {', '.join(known)}{rest}")
        self.kind, self.name, self.known = kind, name, known


class DataError(UserError):
    """A dataset is missing, damaged, or does not hold what a task asks for."""


class CheckpointError(UserError):
    """A weight file is missing, damaged, or does not fit the model."""


class LedgerError(UserError):
    """A ledger cannot be read or is in use."""


class StudyInProgressError(UserError):
    """Another process works on the same output directory."""


class StorageFullError(LayercutError):
    """The disk is full; the study stopped cleanly and can be resumed."""


class ProbeUndefinedError(LayercutError):
    """A score has no value for some activations: constant features, too few images, ...; a final result."""


class TrialDivergedError(LayercutError):
    """The loss of a trial became infinite or NaN: a final result."""


class UntrainedError(LayercutError):
    """What a trial was to train stayed as it was; its numbers are not what they claim to be."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def few(words: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first few of some words, and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return separator.join(words[:most]) + more


def one_line(error: object, most: int | None = None) -> str:
    """Return what somebody else's error says without line breaks, `most` characters of it."""
    return " ".join(str(error).split())[:most]


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""All but tab and line feed: also what turns the direction of writing, and bytes of file names that are no UTF-8."""


def visible(text: str) -> str:
    r"""Return a text with its control characters as escapes, so that it can do nothing to a terminal.

    Example:
        >>> print(visible("a\x1b[31mb"))
        a\x1b[31mb
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
