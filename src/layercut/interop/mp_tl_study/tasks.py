"""The tasks of the imported files, and the parameters that distinguish them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from layercut.interop.mp_tl_study.files import ResultFile
from layercut.interop.mp_tl_study.labels import UNNAMED, guess_datasets, model_label, task_label


class Tasks(NamedTuple):
    """The names of what a file's models were trained on and transferred to."""

    source: str
    target: str


def datasets_of(file: ResultFile, dataset: str | None, target_dataset: str | None) -> tuple[str, str]:
    """Return the datasets of source and target: as named, or as the folders above the file tell."""
    guessed = guess_datasets(file.path) or (UNNAMED, UNNAMED)
    return dataset or guessed[0], target_dataset or dataset or guessed[1]


def tasks_of(files: Sequence[ResultFile], dataset: str | None, target_dataset: str | None) -> list[Tasks]:
    """Return the labels of source and target of each file; a cluster file takes those of its dataset."""
    datasets = [datasets_of(file, dataset, target_dataset) for file in files]
    described: dict[tuple[str, str], set[Tasks]] = {}
    tasks = []
    for file, (source, target) in zip(files, datasets, strict=True):
        classes = file.parameters.get("pre_train_classes"), file.parameters.get("fine_tune_classes")
        named = file.parameters.get("pre_train_task"), file.parameters.get("fine_tune_task")
        labels = Tasks(named[0] or task_label(source, classes[0]), named[1] or task_label(target, classes[1]))
        tasks.append(labels)
        if file.kind != "cluster":
            described.setdefault((source, target), set()).add(labels)
    for index, file in enumerate(files):
        if file.kind == "cluster":
            named_alike = {labels for other, labels in zip(files, tasks, strict=True) if _is_beside(other, file)}
            for candidates in (described.get(datasets[index], set()), named_alike):
                tasks[index] = next(iter(candidates)) if len(candidates) == 1 else tasks[index]
    return tasks


def _is_beside(file: ResultFile, cluster: ResultFile) -> bool:
    """Return whether a cuts or baselines file has a cluster file's name, as exports of several sources have."""
    name = cluster.path.stem.removesuffix("_cluster")
    beside = f"{file.path.stem}_".startswith((f"cuts_{name}_", f"baselines_{name}_"))
    return file.kind != "cluster" and beside and file.path.parent == cluster.path.parent


def varying_parameters(files: Sequence[ResultFile]) -> list[str]:
    """Return what tells files of the same strategy, classes and model apart; these become factors."""
    groups: dict[tuple[Any, ...], list[ResultFile]] = {}
    for file in (file for file in files if file.kind == "cuts"):
        tasks = ("pre_train_classes", "fine_tune_classes", "pre_train_task", "fine_tune_task")
        design = (*tasks, "freeze", "reinit", "truncate")
        key = (*(str(file.parameters.get(name)) for name in design), model_label(file.parameters))
        groups.setdefault((guess_datasets(file.path), *key), []).append(file)
    names = (
        "lr_pretrain",
        "num_train",
        "early_stop_patience",
        "batch_size",
        "val_split",
        "activation_function",
    )
    varying = [
        name
        for name in names
        if any(len({str(file.parameters.get(name)) for file in group}) > 1 for group in groups.values())
    ]
    rates = {row.get("lr") for file in files if file.kind != "cluster" for row in file.rows}
    return ["lr", *varying] if len(rates) > 1 else varying


def unnamed_warnings(tasks: Sequence[Tasks]) -> list[str]:
    """Return a sentence if neither the files nor the user say which dataset it is."""
    if not any(label.startswith(UNNAMED) for labels in tasks for label in labels):
        return []
    return [f"The files do not say which dataset they are about; it is shown as `{UNNAMED}`."]
