"""Result files of the study become a ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from layercut.errors import UserError
from layercut.interop.mp_tl_study.files import BASELINE_CUT, ResultFile, read_file
from layercut.interop.mp_tl_study.findings import NamedTrial, unattainable_families, warnings_about
from layercut.interop.mp_tl_study.labels import (
    UNNAMED,
    guess_datasets,
    model_label,
    strategy_of,
    task_label,
)
from layercut.interop.mp_tl_study.layout import SCORES, differences, probe_row, probed_task, trial_row
from layercut.keys import content_key
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.records import ConditionName, ProbeRecord, TrialRecord

FORMAT = "mp-tl-study"


class Imported(NamedTuple):
    """What an import made."""

    ledger: Path
    num_trials: int
    num_probes: int
    warnings: list[str]


class _Tasks(NamedTuple):
    source: str
    target: str


def import_files(
    paths: Sequence[str | Path],
    output_dir: str | Path,
    dataset: str | None = None,
    target_dataset: str | None = None,
) -> Imported:
    """Read files of one study into a new ledger in `output_dir`, with all that an exact export needs.

    `dataset` names the data (with `target_dataset` where the target's is another); where it is None, the
    folders above a file tell, such as `MNIST/results/` or `FashionMNIST_to_MNIST/results/`.

    Raises:
        UserError: a file is not what the study writes, is given twice, or `output_dir` has a ledger.
        StorageFullError: no space left; no ledger is left behind.
    """
    files = [read_file(path) for path in _distinct(paths)]
    tasks = _tasks(files, dataset, target_dataset)
    varying = _varying_parameters(files)
    occurrences: Counter[str] = Counter()
    trials: list[NamedTrial] = []
    probes: list[ProbeRecord] = []
    layouts = []
    for file, labels, name in zip(files, tasks, _stored_names(files), strict=True):
        keys, standard = [], []
        rate = file.rows[0].get("lr")
        for row in file.rows:
            if file.kind == "cluster":
                probe = _probe(row, labels, occurrences)
                probes.append(probe)
                keys.append(probe.key)
                standard.append(probe_row(probe))
            else:
                named = _trial(row, file, labels, varying, occurrences)
                trials.append(named)
                keys.append(named.trial.key)
                standard.append(trial_row(named.name, named.trial, rate))
        changed = map(differences, file.rows, standard)
        rows = [list(pair) for pair in zip(keys, changed, strict=True)]
        about = {"name": name, "kind": file.kind, "parameters": file.parameters, "lr": rate}
        layouts.append({**about, "rows": rows})
    families = unattainable_families(trials)
    warnings = [*_unnamed(tasks), *warnings_about(files, trials, families)]
    num_conditions = len({name.condition for name, _ in trials})
    plan = {
        "conditions_nominal": num_conditions,
        "conditions_distinct": num_conditions,
        "trials_nominal": len(trials),
        "trials_distinct": len(trials),
        "jobs_by_level": [],
        "estimated_flops": None,
        "unattainable": families,
        "warnings": warnings,
    }
    ledger = _write(Path(output_dir), trials, probes, layouts, plan)
    return Imported(ledger, len(trials), len(probes), warnings)


def _distinct(paths: Sequence[str | Path]) -> list[Path]:
    if not paths:
        raise UserError("expected at least one file to import; got none")
    resolved = [Path(path).resolve() for path in paths]
    for path, count in Counter(resolved).items():
        if count > 1:
            raise UserError(f"{path} is given {count} times: give each file once")
    return [Path(path) for path in paths]


def _stored_names(files: Sequence[ResultFile]) -> list[str]:
    """Return file names for the export, with as many folders as it takes to tell them apart."""
    parts = [file.path.absolute().parts[1:] for file in files]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def _tasks(files: Sequence[ResultFile], dataset: str | None, target_dataset: str | None) -> list[_Tasks]:
    """Return the labels of source and target of each file; a cluster file takes those of its dataset."""
    datasets = []
    for file in files:
        guessed = guess_datasets(file.path) or (UNNAMED, UNNAMED)
        source = dataset or guessed[0]
        datasets.append((source, target_dataset or dataset or guessed[1]))
    described: dict[tuple[str, str], set[_Tasks]] = {}
    tasks = []
    for file, (source, target) in zip(files, datasets, strict=True):
        classes = file.parameters.get("pre_train_classes"), file.parameters.get("fine_tune_classes")
        named = file.parameters.get("pre_train_task"), file.parameters.get("fine_tune_task")
        labels = _Tasks(named[0] or task_label(source, classes[0]), named[1] or task_label(target, classes[1]))
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


def _varying_parameters(files: Sequence[ResultFile]) -> list[str]:
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


def _trial(
    row: Mapping[str, Any],
    file: ResultFile,
    tasks: _Tasks,
    varying: Sequence[str],
    occurrences: Counter[str],
) -> NamedTrial:
    scratch = row["sampled_cut_point"] == BASELINE_CUT
    values = {**file.parameters, "lr": row.get("lr")}
    point: dict[str, Any] = {
        "source": tasks.source,
        "target": tasks.target,
        "model": model_label(file.parameters),
        "strategy": "scratch" if scratch else strategy_of(file.parameters, file.path),
        "cut": 0 if scratch else row["sampled_cut_point"],
        "fraction": float(row["sampled_percentage"]),
        "num_blocks": file.parameters["depth"],
        "factors": {name: str(values.get(name)) for name in varying},
    }
    condition = content_key("imported condition", point)
    name = ConditionName(condition=condition, merged=False, **point)
    key = _occurrence_key("imported trial", [condition, row["repeat"]], occurrences)
    trial = TrialRecord(
        key=key,
        condition=condition,
        replicate=row["repeat"],
        train_accuracy=float(row["train_acc"]),
        validation_accuracy=None,
        test_accuracy=float(row["test_acc"]),
    )
    return NamedTrial(name, trial)


def _probe(row: Mapping[str, Any], tasks: _Tasks, occurrences: Counter[str]) -> ProbeRecord:
    point: dict[str, Any] = {
        "probe": "clustering",
        "source": tasks.source,
        "layer": row["Layer"],
        "fraction": float(row["Percentage"]),
        "replicate": row["Repeat"],
        "dataset": probed_task(row["Dataset"]),
        "split": row["Split"].lower(),
    }
    key = _occurrence_key("imported probe", [point, tasks.target], occurrences)
    number = re.fullmatch(r"conv(\d+)", row["Layer"])
    return ProbeRecord(
        key=key,
        scores={score: float(row[f]) for f, score in SCORES.items()},
        target=tasks.target,
        cut=int(number[1]) + 1 if number else None,
        **point,
    )


def _occurrence_key(kind: str, value: Any, occurrences: Counter[str]) -> str:
    """Return a key that tells the second and third row of the same design point apart."""
    first = content_key(kind, value)
    occurrences[first] += 1
    return first if occurrences[first] == 1 else content_key(kind, [value, occurrences[first]])


def _unnamed(tasks: Sequence[_Tasks]) -> list[str]:
    if not any(label.startswith(UNNAMED) for labels in tasks for label in labels):
        return []
    return [f"The files do not say which dataset they are about; it is shown as `{UNNAMED}`."]


def _write(
    folder: Path, trials: Sequence[NamedTrial], probes: Sequence[ProbeRecord], layouts: list[Any], plan: Any
) -> Path:
    path = folder / LEDGER_NAME
    if path.exists():
        raise UserError(f"{path} exists: choose another output directory, an import never adds to a ledger")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the output directory {folder}: {error}") from error
    try:
        with Ledger(path, create=True) as ledger:
            ledger.add_names({name.condition: name for name, _ in trials}.values())
            ledger.append([*(trial for _, trial in trials), *probes])
            ledger.set_meta("study_name", folder.resolve().name)
            ledger.set_meta("imported", {"format": FORMAT, "files": layouts})
            ledger.set_meta("plan", plan)
    except BaseException:
        for leftover in folder.glob(f"{LEDGER_NAME}*"):
            leftover.unlink(missing_ok=True)
        raise
    return path
