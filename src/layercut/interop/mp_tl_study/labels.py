"""Translate the files' terms into layercut's: strategies, tasks, models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from layercut.errors import UserError
from layercut.strategies.treatment import Treatment
from layercut.strategies.wording import instruction

LETTERS = {
    "freeze_reinit": "FR",
    "freeze": "F",
    "reinit": "R",
    "finetune": "finetune",
    "freeze_truncate": "FT",
    "truncate": "T",
}
"""How the study names a strategy in its files; it has no letters for `finetune`."""

FLAGS = {
    "freeze_reinit": (True, True, False),
    "freeze": (True, False, False),
    "reinit": (False, True, False),
    "finetune": (False, False, False),
    "freeze_truncate": (True, False, True),
    "truncate": (False, False, True),
}
"""`freeze`, `reinit` and `truncate` of each strategy; `reinit` means nothing where the tail is removed."""

UNNAMED = "unnamed"
"""Dataset of files that do not say on which data they were made."""

_DEFAULT_POOL_EVERY = 2
"""What the study's code pools after where the parameters do not say; its README has 1."""

_FOLDERS = {
    "mnist": "mnist",
    "fashionmnist": "fashion_mnist",
    "cifar": "cifar10",
    "cifar10": "cifar10",
}
"""Folders of the study, in small letters without `_` and `-`, and the dataset each stands for."""


def strategy_of(parameters: Mapping[str, Any], path: Path) -> str:
    """Return the strategy of the cuts in a file; `truncate` may be absent, as in older files.

    Raises:
        UserError: `freeze` or `reinit` is absent.
    """
    freeze, reinit = parameters.get("freeze"), parameters.get("reinit")
    truncate = bool(parameters.get("truncate"))
    if freeze is None or (reinit is None and not truncate):
        missing = "freeze" if freeze is None else "reinit"
        raise UserError(f"{path}, element 0 (the parameters): expected {missing}, true or false; it is missing")
    flags = (freeze, bool(reinit) and not truncate, truncate)
    return next(strategy for strategy, known in FLAGS.items() if known == flags)


def treatment_of(strategy: str, cut: int, num_blocks: int) -> dict[str, Any]:
    """Return what the study's code does to the blocks, as a `ConditionName` says it."""
    freeze, reinit, truncate = FLAGS.get(strategy, (False, True, False))  # a baseline re-initialises from cut 0 on
    left = cut if truncate else num_blocks
    kept, trained = range(cut if reinit else left), range(cut if freeze else 0, left)
    treated = Treatment(num_blocks, left, tuple(kept), tuple(trained))
    cutless = strategy not in FLAGS or not (freeze or reinit or truncate)
    return {"cutless": cutless, "transfers": bool(kept), "treatment": instruction(treated)}


def guess_datasets(path: Path) -> tuple[str, str] | None:
    """Return source and target dataset from the folders above a file, such as `MNIST/results/`.

    `FashionMNIST_to_MNIST` names both. None where no folder is known.
    """
    for folder in path.absolute().parent.parts[::-1]:
        source, _, target = folder.lower().partition("_to_")
        names = [_FOLDERS.get(part.replace("_", "").replace("-", "")) for part in (source, target or source)]
        if names[0] is not None and names[1] is not None:
            return names[0], names[1]
    return None


def task_label(dataset: str, classes: list[Any] | None) -> str:
    """Return a task's name in results, such as `mnist[0,1,2,3,4]`."""
    return dataset if not classes else f"{dataset}[{','.join(str(name) for name in classes)}]"


def classes_in(label: str) -> list[int | str] | None:
    """Return the classes that `task_label` wrote into a label; None where it names none.

    Example:
        >>> classes_in("mnist[0,1] noise seed 2 @ batch 10")
        [0, 1]
    """
    task = re.fullmatch(r"[^\[]*\[(.*)\](?: [^\]]*)?", label)
    if task is None:
        return None
    names = task[1].split(",")
    return [int(name) if name.lstrip("-").isdigit() else name for name in names]


def is_plain(label: str) -> bool:
    """Return whether a task is no more than a dataset and some of its classes, which is all that the files tell.

    Example:
        >>> is_plain("mnist[0,1]"), is_plain("mnist(even,odd)"), is_plain("mnist noise")
        (True, False, False)
    """
    return re.fullmatch(r"[^\s()\[\]]+(\[.*\])?", label) is not None


class ModelOptions(NamedTuple):
    """What the parameters say about a model, under today's names."""

    channels: Any
    """Of every convolution; the units of every layer where it is no CNN."""
    pooled: bool | None
    """None where the parameters do not say."""
    pool_every: Any


def model_options(parameters: Mapping[str, Any]) -> ModelOptions:
    """Return a model's options; older files call `num_channels` `width`, and have no `pooling_every_n_layers`."""
    channels = parameters.get("num_channels", parameters.get("width"))
    pooled = parameters.get("use_pooling")
    return ModelOptions(channels, pooled, parameters.get("pooling_every_n_layers", _DEFAULT_POOL_EVERY))


def model_label(parameters: Mapping[str, Any]) -> str:
    """Return a model's name in results, with the options that the parameters tell."""
    options: dict[str, Any] = {"depth": parameters["depth"]}
    read = model_options(parameters)
    if parameters.get("is_cnn", True):
        name = "plain_cnn"
        options |= {"channels": read.channels, "kernel_size": parameters.get("kernel_size")}
        if read.pooled is not None:
            options["pool_every"] = read.pool_every if read.pooled else "none"
    else:
        name = "mlp"
        options["width"] = read.channels
    if parameters.get("two_linear_layers"):
        options["hidden"] = parameters.get("hidden_dim_lin")
    shown = ", ".join(f"{key}={value}" for key, value in sorted(options.items()) if value is not None)
    return f"{name}({shown})"
