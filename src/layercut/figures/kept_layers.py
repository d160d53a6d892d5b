"""Shared by the figures of a source's layers: which representations they show, and of how many layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layercut.artifacts import KeptRepresentations
from layercut.figures.names import fraction_label
from layercut.figures.study_tables import StudyTables
from layercut.stats import Context

PIXELS = "input"
"""Name of the layer that every model shares."""

MOST_LAYERS = 6
"""Layers shown of a deep model: the first, the last, and evenly between."""

_WHICH = {"train": "training", "validation": "validation", "test": "test"}


def shown_representations(tables: StudyTables) -> KeptRepresentations | None:
    """Return what is kept of the source of one context; None without, or where the probes are no longer asked for."""
    asked = set(tables.probes["key"]) if "key" in tables.probes else set()
    for kept in tables.measured.representations:
        if _is_of(kept, tables.context) and asked & set(kept.card["probes"]):
            return kept
    return None


def _is_of(kept: KeptRepresentations, context: Context | None) -> bool:
    if context is None:
        return True
    own = {"source": context.source, "target": context.target, "model": context.model}
    return all(not wanted or kept.card[name] in (wanted, "") for name, wanted in own.items())


def spread(layers: Sequence[str], most: int = MOST_LAYERS) -> list[str]:
    """Return at most so many of the layers, evenly spread, the first and the last among them.

    Example:
        >>> spread(["a", "b", "c", "d", "e"], 3)
        ['a', 'c', 'e']
    """
    places = np.unique(np.linspace(0, len(layers) - 1, min(most, len(layers))).round().astype(int))
    return [layers[place] for place in places]


def images_note(kept: KeptRepresentations) -> str:
    """Return which images were looked at, in words, such as `200 training images of mnist[5,6,7] (10 % of the data)`.

    Example:
        >>> from pathlib import Path
        >>> card = {"num_images": 20, "split": "train", "images": "digits", "fraction": 0.1}
        >>> images_note(KeptRepresentations(Path(), card))
        '20 training images of digits (from 10 % of them)'
    """
    card = kept.card
    share = f" (from {fraction_label(float(card['fraction']))} of them)" if card["fraction"] < 1 else ""
    return f"{card['num_images']} {_WHICH[card['split']]} images of {card['images']}{share}"


def reference_name(kept: KeptRepresentations) -> str:
    """Return the name of the model that was trained on the target."""
    return f"trained on {kept.card['target']}"
