"""The answer in words, as at the top of the report."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from html import escape

from layercut.figures import words
from layercut.report.answers import Answer, answer, no_answer
from layercut.report.in_use import InUse, use_notes
from layercut.report.verdicts import Known
from layercut.stats import BestCut, best_cuts, contexts, estimates, undecided
from layercut.stats.tables import Results, results_of

_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Answers:
    """What to do at each fraction, and how certain that is; shows itself as text and in a notebook."""

    parts: tuple[tuple[str, tuple[Answer, ...]], ...]
    """Label and answers of each context; the label is empty where there is only one."""
    unfinished: str = ""
    """What is said in place of any answer while trials are missing."""
    undecided: tuple[tuple[str, str], ...] = ()
    """Label of the context and sentence for each fraction of the data at which nothing is chosen."""

    def __str__(self) -> str:
        lines = [self.unfinished] if self.unfinished else []
        for label, found in self.parts:
            lines += [label] if label else []
            for one in found:
                lines += [_wrapped(one.sentence), *(_wrapped(note, "    ") for note in (*one.notes, *one.follows))]
        lines += [_wrapped(f"{label}: {text}" if label else text) for label, text in self.undecided]
        return "\n".join(lines or ["No trial has finished."])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = [f"<p><b>{escape(self.unfinished)}</b></p>"] if self.unfinished else []
        for label, found in self.parts:
            lines += [f"<h4>{escape(label)}</h4>"] if label else []
            for one in found:
                notes = "".join(f"<br><small>{escape(note)}</small>" for note in (*one.notes, *one.follows))
                lines.append(f"<p><b>{escape(one.lead)}</b>{escape(one.rest)}{notes}</p>")
        for label, text in self.undecided:
            lines.append(f"<p>{escape(f'{label}: {text}' if label else text)}</p>")
        return "\n".join(lines or ["<p>No trial has finished.</p>"])


def _wrapped(text: str, indent: str = "") -> str:
    """Return a sentence in lines of a terminal; what stands in back ticks is one word."""
    whole = re.sub(r"`[^`]*`", lambda quoted: quoted[0].replace(" ", _NO_BREAK), text)
    lines = textwrap.fill(
        whole, 80, initial_indent=indent, subsequent_indent=indent or "  ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    return lines.replace(_NO_BREAK, " ")


def answers(results: Results) -> Answers:
    """Return, for each context and fraction of a results table, which cut to take, by how much, how surely."""
    results = results_of(results)
    order, estimated = [context for context, _ in contexts(results)], estimates(results)
    best = best_cuts(results, estimated=estimated)
    known = Known.of(results.attrs.get("plan") or {}, results)
    if known.unfinished:
        return Answers((), known.unfinished)
    use = InUse.of(results)
    parts = (
        (words.context_label(context, order), tuple(_answer(one, known, use) for one in best if one.context == context))
        for context in order
    )
    left = ((words.context_label(one.context, order), no_answer(one)) for one in undecided(estimated))
    return Answers(tuple((label, found) for label, found in parts if found), undecided=tuple(left))


def _answer(best: BestCut, known: Known, use: InUse) -> Answer:
    found = answer(best, known)
    return replace(found, follows=tuple(use_notes(best, found.verdict, use)))
