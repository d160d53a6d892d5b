"""The studies that rules are judged on: small models and few cuts, so that many replicates say what the truth is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

STRATEGIES = ["scratch", "freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate"]

MODES = ("within", "folds", "full")


class ChoiceStudy(NamedTuple):
    """One table of conditions to choose from."""

    name: str
    study: Mapping[str, Any]
    """A study file with one fraction; `validation` and `replicates` are set from the next field."""
    replicates: Mapping[str, int]
    """How many are measured of each way to validate; a mode that is left out costs more than it is worth here."""


def _training(**changes: Any) -> dict[str, Any]:
    return {"lr": 2e-3, "epochs": 15, "min_steps": 120, "patience": 5, "batch_size": 32} | changes


def _study(
    name: str,
    task: tuple[Any, Any],
    model: Mapping[str, Any],
    fraction: float,
    *,
    training: Mapping[str, Any],
    pretraining: Mapping[str, Any],
    **design: Any,
) -> dict[str, Any]:
    transfer = {"cuts": [0, 2, 4], "strategies": STRATEGIES, "fractions": [fraction], "training": dict(training)}
    return {
        "name": name,
        "source": task[0],
        "target": task[1],
        "model": dict(model),
        "pretraining": {"lr": 2e-3, "batch_size": 64, **pretraining},
        "transfer": transfer | design,
    }


PLAIN = {"name": "plain_cnn", "depth": 4, "channels": 16, "pool_every": 2}
BLOCKS = {"name": "block_cnn", "hidden_dims": [16, 16, 32, 32, 64, 32]}
DIGITS = {"dataset": "digits", "classes": [0, 1, 2, 3, 4]}, {"dataset": "digits", "classes": [5, 6, 7, 8, 9]}
MNIST = {"dataset": "mnist", "classes": [0, 1, 2, 3, 4]}, {"dataset": "mnist", "classes": [5, 6, 7, 8, 9]}
CHEAP = {"within": 12, "folds": 5, "full": 6}
FEWER = {"strategies": ["scratch", "freeze_reinit", "finetune", "truncate"]}


def studies(cifar: str, photographs: str, weights: str) -> list[ChoiceStudy]:
    """Return all studies; the arguments are folders of CIFAR-10 and of ants and bees, and a file of weights."""
    vehicles = {"dataset": "folder", "path": cifar, "image_size": 32,
                "classes": ["airplane", "automobile", "ship", "truck"]}  # fmt: skip
    animals = {**vehicles, "classes": ["bird", "cat", "deer", "dog", "frog", "horse"]}
    digits = {"epochs": 20}
    mnist = {"epochs": 2}
    found = [
        ChoiceStudy(
            f"digits-{percent}",
            _study(f"digits-{percent}", DIGITS, PLAIN, percent / 100, training=_training(), pretraining=digits),
            CHEAP,
        )
        for percent in (5, 20)
    ]
    found.append(
        ChoiceStudy(
            "digits-random-source-5",
            _study(
                "digits-random-source-5", ({"random": True}, DIGITS[1]), PLAIN, 0.05,
                training=_training(), pretraining={},
            ),
            CHEAP,
        )
    )  # fmt: skip
    for percent, training, counts, design in (
        (0.1, _training(), {"within": 10, "folds": 4}, {}),
        (1, _training(), {"within": 8, "folds": 4}, FEWER),
        (10, _training(epochs=5, batch_size=64), {"within": 5, "folds": 2}, FEWER),
    ):
        name = f"mnist-halves-{percent:g}"
        study = _study(name, MNIST, PLAIN, percent / 100, training=training, pretraining=mnist, **design)
        found.append(ChoiceStudy(name, study, counts))
    name = "mnist-blocks-0.2"
    study = _study(
        name, MNIST, BLOCKS, 0.002, training=_training(), pretraining=mnist,
    )  # fmt: skip
    found.append(ChoiceStudy(name, study, {"within": 8, "folds": 4}))
    for percent, training, counts in (
        (1, _training(), {"within": 8, "folds": 4}),
        (10, _training(epochs=5, batch_size=64), {"within": 5, "folds": 2}),
    ):
        name = f"cifar-vehicles-animals-{percent:g}"
        study = _study(
            name, (vehicles, animals), PLAIN, percent / 100, training=training, pretraining={"epochs": 4}, **FEWER
        )
        found.append(ChoiceStudy(name, study, counts))
    found += [_photographs(photographs, weights, percent) for percent in (10, 100)]
    return found


def _photographs(folder: str, weights: str, percent: int) -> ChoiceStudy:
    few = percent < 100
    study = {
        "name": f"ants-bees-{percent}",
        "source": {"checkpoint": weights},
        "target": {"dataset": "folder", "path": folder, "image_size": 224},
        "model": {"name": "timm/tf_efficientnet_lite0"},
        "normalization": {"mean": 0.5, "std": 0.5},
        "transfer": {
            "cuts": [0, 4, 12, 17, 18] if few else [12, 17, 18],
            "strategies": ["scratch", "freeze", "finetune", "freeze_truncate"]
            if few
            else ["freeze", "freeze_truncate"],
            "fractions": [percent / 100],
            "training": {"lr": 1e-3, "epochs": 10, "patience": 4, "batch_size": 32},
        },
    }
    return ChoiceStudy(study["name"], study, {"within": 5, "folds": 3})
