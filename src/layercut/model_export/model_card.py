"""The README of exported files: a model card as the Hugging Face hub reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from layercut.data.pictures import rule_of
from layercut.inference import Classifier
from layercut.metrics import ACCURACY, METRICS, NAMES, Metric

_HUB_TYPES: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "macro_f1": "f1",
}
"""What the hub calls a metric."""

_RESIZED = {
    "crop": "scaled until the shorter side fits, the rest cut off around the centre",
    "stretch": "stretched to the size",
    "pad": "scaled until the longer side fits, filled up with black",
}


def model_card(title: str, model: Classifier, card: Mapping[str, Any], library: str, usage: str) -> str:
    """Return the text; `card`: what goes into card.json."""
    head = yaml.safe_dump(_metadata(title, card, library), sort_keys=False, allow_unicode=True)
    metrics, export = card["metrics"], card["export"]
    latency, names = export["latency"], [_plain(name) for name in card["class_names"]]
    rows = [
        ("test accuracy", _percent(metrics["test_accuracy"]) + _of(metrics.get("num_test_images"), "test images")),
        ("validation accuracy", _percent(metrics["validation_accuracy"])),
        *((f"test {NAMES[metric]}", _percent(metrics[f"test_{metric}"])) for metric in _others(metrics)),
        ("trained on", f"{metrics['num_train_images']:,} images"),
        ("parameters", f"{export['num_parameters']:,}"),
        ("size", f"{export['num_bytes'] / 1e6:.1f} MB"),
        ("one image", f"{latency['milliseconds']:.1f} ms ({latency['processor']}, one thread, {export['runs_with']})"),
        (
            "checked",
            f"logits within {export['largest_difference']:.0e} of the trained model's, on {export['checked_on']}",
        ),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"""---
{head}---

# {_plain(title)}

An image classifier with {len(names)} classes, made by layercut in the study \
`{_plain(card["study"])}`: {_plain(card["model"])}, strategy `{card["strategy"]}` at cut {card["cut"]}, on \
{100 * card["fraction"]:g} % of {_plain(card["target"])}{_source(card)}.

| | |
|---|---|
{table}

## Use

```python
{usage}
```

## Images

{_images(model)}

## Classes

{", ".join(f"{place}: {name}" for place, name in enumerate(names))}

## Limits

Accuracies are of one training and one test set, without the study's intervals: these are in its report. Probabilities \
are not calibrated. Nothing is known of images of other kinds than the study's.
"""


def _others(metrics: Mapping[str, Any]) -> list[Metric]:
    """Return the metrics besides accuracy that a card has; those of older versions have none."""
    return [metric for metric in METRICS if metric != ACCURACY and metrics.get(f"test_{metric}") is not None]


def _metadata(title: str, card: Mapping[str, Any], library: str) -> dict[str, Any]:
    values = card["metrics"]
    measured = [
        {"type": _HUB_TYPES[metric], "name": f"test {NAMES[metric]}", "value": values[f"test_{metric}"]}
        for metric in (ACCURACY, *_others(values))
    ]
    dataset = {"type": card["target"], "name": card["target"], "split": "test"}
    result = {"task": {"type": "image-classification"}, "dataset": dataset, "metrics": measured}
    return {
        "library_name": library,
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "transfer-learning", "layercut"],
        "metrics": list(dict.fromkeys(one["type"] for one in measured)),
        "model-index": [{"name": title, "results": [result]}],
    }


def _images(model: Classifier) -> str:
    channels, height, width = model.image_shape
    rule, kind = rule_of(model.card["pictures"]), "grey (ITU-R 601 luma)" if channels == 1 else "RGB"
    how = f"{_RESIZED[rule.resize]} ({rule.interpolation})" if rule.resize else "none is resized"
    mean, std = ([round(float(value), 6) for value in values] for values in model.normalization)
    return (
        f"Upright as their EXIF tag says, 8 bits of {kind}, what is transparent over {list(rule.background)}; "
        f"{height} x {width} pixels: {how}. Pixels / 255 are then shifted and scaled with mean {mean} and standard "
        f"deviation {std}. `card.json` has the same for programs."
    )


def _source(card: Mapping[str, Any]) -> str:
    return f", from {_plain(card['source'])}" if card["source"] else ""


def _of(number: int | None, what: str) -> str:
    return "" if number is None else f" of {number:,} {what}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _plain(text: object) -> str:
    """Return a name as Markdown shows it: in one line, without markup."""
    line = " ".join(str(text).split())
    return "".join(f"\\{one}" if one in "\\`*_[]<>|#" else one for one in line)
