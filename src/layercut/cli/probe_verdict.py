"""The answer of `layercut probe`: which model, which cut, how certain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from layercut.figures import words
from layercut.figures.probe_layers import LayerScores, shown_scores
from layercut.stats.proportion import share_interval

_ACCURACIES = ("logistic_regression", "nearest_centroid", "knn")
"""Probes that name the class of images held out, the one that decides first: their score is a share of images."""


class Place(NamedTuple):
    """A model cut somewhere, and its score."""

    source: str
    cut: int
    layer: str
    value: float


class Verdict(NamedTuple):
    """The best place, by one probe that decides, and what the others say."""

    best: Place
    num_cuts: int
    """Number of the best model's last cut."""
    probe: str
    interval: tuple[float, float] | None
    """Of the best value, where it is a share of images."""
    num_images: int
    others: tuple[Place, ...]
    """Places that cannot be told from the best: equal in value, or within its interval; nearest first."""
    num_places: int
    """Places that were compared."""
    pixels: float | None
    """The score of the images themselves."""
    pixels_do: bool
    """Whether no place is better than the images themselves."""
    num_agreeing: int
    """Probes that prefer the best model too."""
    num_probes: int
    cuts: tuple[int, int]
    """The least and the largest cut that probes prefer in the best model."""

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return self._asdict() | {"best": self.best._asdict(), "others": [place._asdict() for place in self.others]}


def verdict(table: pd.DataFrame) -> Verdict | None:
    """Return what the scores of some models say; None where no probe has a score at a cut.

    The probe that decides is the first of logistic regression, nearest centroids and nearest neighbours that was
    asked, else the first of all. Of equal places the one with the fewest blocks counts.
    """
    asked = [(scores, places) for scores in shown_scores(table) if (places := _places(scores))]
    if not asked:
        return None
    accuracies = {scores.label: (scores, places) for scores, places in reversed(asked)}
    decider = next((accuracies[name] for name in _ACCURACIES if name in accuracies), asked[0])
    scores, places = decider
    best, num_images = places[0], int(scores.rows["num_images"].max())
    interval = share_interval(best.value, num_images) if scores.label in _ACCURACIES else None
    at_least = interval[0] if interval else best.value
    others = [place for place in places[1:] if not _worse(place.value, at_least, scores.direction)]
    pixels = scores.rows.loc[scores.rows["layer"] == "input", scores.score]
    preferred = [found[0] for _, found in asked]
    cuts = [place.cut for place in preferred if place.source == best.source]
    last = table.loc[table["source"] == best.source, "cut"].max()
    return Verdict(
        best,
        int(last),
        scores.label,
        interval,
        num_images,
        tuple(others),
        len(places),
        float(pixels.mean()) if len(pixels) else None,
        bool(len(pixels)) and not _worse(float(pixels.mean()), best.value, scores.direction),
        len(cuts),
        len(preferred),
        (min(cuts), max(cuts)),
    )


def describe_verdict(found: Verdict, num_models: int) -> Iterator[str]:
    """Yield the verdict, a paragraph each."""
    best, whose = found.best, f"{found.best.source}: " if num_models > 1 else ""
    if found.pixels_do:
        yield "Keep nothing: at no cut are features better than the pixels themselves."
    else:
        sentence = f"keep {best.cut} of {found.num_cuts} blocks (cut {best.cut}, after {best.layer})."
        yield whose + (sentence if whose else sentence[0].upper() + sentence[1:])
    yield f"How sure: {_value(found)}. {_rivals(found, num_models)}"
    if found.num_probes > 1:
        low, high = found.cuts
        cuts = f"cut {low}" if low == high else f"cuts {low} to {high}"
        agreeing = f"{found.num_agreeing} of {found.num_probes} probes prefer {'this model, ' if whose else ''}"
        yield f"{agreeing}at {cuts}." if whose else f"The {found.num_probes} probes prefer {cuts}."
    yield (
        "A probe does not replace a study: it scores features and trains nothing. `layercut run` measures what "
        "freezing and fine-tuning achieve, on test images and with intervals."
    )


def _value(found: Verdict) -> str:
    place = f"after cut {found.best.cut}" if found.pixels_do else "there"
    flattered = f"slightly optimistic, as the best of {found.num_places} cuts" if found.num_places > 1 else ""
    if found.interval is None:
        of = f"{found.probe} scores {found.best.value:.3g} {place} on {found.num_images:,} images".replace("-", "−")
        return of + (f" ({flattered})" if flattered else "")
    pixels = "" if found.pixels is None else f"; on the pixels themselves, {words.percent(found.pixels)}"
    low, high = (words.percent_number(bound) for bound in found.interval)
    told = "; ".join([f"95 % interval {low} to {high} %", *([flattered] if flattered else [])])
    right = f"{found.probe} classifies {words.percent(found.best.value)} of {found.num_images:,} held-out images right"
    return f"{right} on the features {place} ({told}){pixels}"


def _rivals(found: Verdict, num_models: int) -> str:
    what = "model or cut" if num_models > 1 else "cut"
    if not found.others:
        within = "is as good" if found.interval is None else "reaches that interval"
        return f"No other {what} {within}."
    same = sorted(place.cut for place in found.others if place.source == found.best.source)
    cuts = [f"cut{'s' if len(same) > 1 else ''} {', '.join(map(str, same))} of the same model"] if same else []
    models = list(dict.fromkeys(place.source for place in found.others if place.source != found.best.source))
    rivals = " and ".join([*cuts, *models])
    return f"It cannot be distinguished from {rivals}."


def _places(scores: LayerScores) -> list[Place]:
    """Return the cuts above 0 that a probe scored, the best first, of equal ones that with the fewest blocks."""
    known = scores.rows["cut"].fillna(0) > 0
    rows = scores.rows[known & ~scores.rows["kind"].isin(("output", "weights", "pair"))]
    means = rows.groupby(["source", "cut", "layer"], sort=False)[scores.score].mean().reset_index()
    found = [
        Place(str(row["source"]), int(row["cut"]), str(row["layer"]), float(row[scores.score]))
        for row in means.to_dict("records")
    ]
    sign = -1 if scores.direction == "higher" else 1
    return sorted(found, key=lambda place: (round(sign * place.value, 12), place.cut))


def _worse(value: float, bound: float, direction: str) -> bool:
    if math.isclose(value, bound, rel_tol=1e-9, abs_tol=1e-12):
        return False
    return value < bound if direction == "higher" else value > bound
