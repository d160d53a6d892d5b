"""Read result files of the study into a ledger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from layercut.errors import UserError
from layercut.files import explained
from layercut.interop.mp_tl_study.files import BASELINE_CUT, ResultFile, read_file
from layercut.interop.mp_tl_study.findings import NamedTrial, point_of, unattainable_families, warnings_about
from layercut.interop.mp_tl_study.labels import model_label, strategy_of, treatment_of
from layercut.interop.mp_tl_study.layout import SCORES, differences, our_layer, probe_row, probed_task, trial_row
from layercut.interop.mp_tl_study.measured_on import MeasuredOn, measured_on, measured_warnings, words_of
from layercut.interop.mp_tl_study.merging import merged_with_baselines
from layercut.interop.mp_tl_study.tasks import Tasks, datasets_of, tasks_of, unnamed_warnings, varying_parameters
from layercut.keys import content_key
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.records import ConditionName, ProbeRecord, TrialRecord

FORMAT = "mp-tl-study"

NAMED_SINCE = "before activation"
"""What an import notes since layers are named as `layout.file_layer` says; before, `conv0` stood for `conv0`."""


class Imported(NamedTuple):
    """What an import made."""

    ledger: Path
    num_trials: int
    num_probes: int
    warnings: list[str]


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
    tasks = tasks_of(files, dataset, target_dataset)
    varying = varying_parameters(files)
    occurrences: Counter[str] = Counter()
    images = [_measured_on(file, dataset, target_dataset) for file in files]
    probes: list[ProbeRecord] = []
    trials: list[NamedTrial] = []
    for file, labels, measured in zip(files, tasks, images, strict=True):
        for row in file.rows:
            if measured is None:
                probes.append(_probe(row, labels, occurrences))
            else:
                trials.append(_trial(row, file, labels, varying, measured, occurrences))
    merged = merged_with_baselines(trials)
    layouts = _layouts(files, merged, probes)
    families = unattainable_families(merged)
    findings = warnings_about(files, trials, families)
    warnings = [*unnamed_warnings(tasks), *measured_warnings(files, [t.target for t in tasks], images), *findings]
    plan = {
        "conditions_nominal": len({name.condition for name, _ in trials}),
        "conditions_distinct": len({name.condition for name, _ in merged}),
        "trials_nominal": len(trials),
        "trials_distinct": len({trial.key for _, trial in merged}),
        "jobs_by_level": [],
        "estimated_flops": None,
        "unattainable": families,
        "warnings": warnings,
        "measured_on": sorted({words_of(measured) for measured in images if measured is not None}),
    }
    ledger = _write(Path(output_dir).expanduser(), merged, probes, layouts, plan)
    return Imported(ledger, len(trials), len(probes), warnings)


def _distinct(paths: Sequence[str | Path]) -> list[Path]:
    if not paths:
        raise UserError("expected at least one file to import; got none")
    resolved = [Path(path).expanduser().resolve() for path in paths]
    for path, count in Counter(resolved).items():
        if count > 1:
            raise UserError(f"{path} was given {count} times; give each file once")
    return [Path(path).expanduser() for path in paths]


def _stored_names(files: Sequence[ResultFile]) -> list[str]:
    """Return file names for the export, with as many folders as it takes to tell them apart."""
    parts = [file.path.absolute().parts[1:] for file in files]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def _measured_on(file: ResultFile, dataset: str | None, target_dataset: str | None) -> MeasuredOn | None:
    if file.kind == "cluster":
        return None
    return measured_on(file, datasets_of(file, dataset, target_dataset)[1])


def _layouts(
    files: Sequence[ResultFile], trials: Sequence[NamedTrial], probes: Sequence[ProbeRecord]
) -> list[dict[str, Any]]:
    """Return what an export needs to write the files again: the record of each row, and what differs from it."""
    home = {name.condition: name for name, _ in trials if not name.merged}
    next_trial, next_probe = iter(trials), iter(probes)
    layouts = []
    for file, name in zip(files, _stored_names(files), strict=True):
        rate = file.rows[0].get("lr")
        keys, standard = [], []
        for _ in file.rows:
            if file.kind == "cluster":
                probe = next(next_probe)
                keys.append(probe.key)
                standard.append(probe_row(probe))
            else:
                trial = next(next_trial).trial
                keys.append(trial.key)
                standard.append(trial_row(home[trial.condition], trial, rate))
        rows = [list(pair) for pair in zip(keys, map(differences, file.rows, standard), strict=True)]
        about = {"name": name, "kind": file.kind, "parameters": file.parameters, "lr": rate}
        layouts.append({**about, "rows": rows})
    return layouts


def _trial(
    row: Mapping[str, Any],
    file: ResultFile,
    tasks: Tasks,
    varying: Sequence[str],
    measured: MeasuredOn,
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
    told = treatment_of(point["strategy"], point["cut"], point["num_blocks"])
    name = ConditionName(condition=condition, merged=False, **point, **told)
    key = _occurrence_key("imported trial", [condition, row["repeat"]], occurrences)
    trial = TrialRecord(
        key=key,
        condition=condition,
        replicate=row["repeat"],
        train_accuracy=float(row["train_acc"]),
        validation_accuracy=None,
        test_accuracy=float(row["test_acc"]),
        num_test_images=measured.num_images if measured.where == "test" else None,
    )
    return NamedTrial(name, trial)


def _probe(row: Mapping[str, Any], tasks: Tasks, occurrences: Counter[str]) -> ProbeRecord:
    point: dict[str, Any] = {
        "probe": "clustering(at=before_activation)",
        "source": tasks.source,
        "layer": our_layer(row["Layer"]),
        "fraction": float(row["Percentage"]),
        "replicate": row["Repeat"],
        "dataset": probed_task(row["Dataset"]),
        "split": row["Split"].lower(),
    }
    key = _occurrence_key("imported probe", [point, tasks.target], occurrences)
    number = re.fullmatch(r"conv(\d+)(\.block)?", row["Layer"])
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


def _write(
    folder: Path, trials: Sequence[NamedTrial], probes: Sequence[ProbeRecord], layouts: list[Any], plan: Any
) -> Path:
    path = folder / LEDGER_NAME
    if path.exists():
        raise UserError(f"{path} already exists; choose another output directory: an import never adds to a ledger")
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with Ledger(path, create=True) as ledger:
            ledger.add_names({point_of(name): name for name, _ in trials}.values())
            ledger.append([*{trial.key: trial for _, trial in trials}.values(), *probes])
            ledger.set_meta("study_name", folder.resolve().name)
            ledger.set_meta("imported", {"format": FORMAT, "layers": NAMED_SINCE, "files": layouts})
            ledger.set_meta("plan", plan)
    except BaseException:
        for leftover in folder.glob(f"{LEDGER_NAME}*"):
            leftover.unlink(missing_ok=True)
        raise
    return path
