"""Write a ledger as result files of the study."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from layercut.errors import UserError
from layercut.files import explained, written_whole
from layercut.interop.mp_tl_study.imports import FORMAT
from layercut.interop.mp_tl_study.labels import FLAGS, LETTERS, classes_in, is_plain
from layercut.interop.mp_tl_study.layout import SCORES, apply_differences, probe_row, trial_row
from layercut.ledger import Ledger
from layercut.records import ConditionName, ProbeRecord, TrialRecord
from layercut.spec import ModelSpec, TaskSpec


def export_study(path: str | Path, folder: str | Path, study: Mapping[str, Any] | None = None) -> list[Path]:
    """Write the results of a ledger in the study's formats, and return the files.

    An imported ledger gives the files that it was imported from, with equal values. Any other gives one
    `cuts_NAME_LETTERS.json` for each strategy and one `baselines_NAME.json`, for each combination of source,
    target, model and factor levels, and one `NAME_cluster.json` for each of the first three where clustering was
    probed. NAME is the study's, with what tells these apart. What the format has no words for (variants, groups,
    seeds and checkpoints of a task) is told by the parameters `pre_train_task` and `fine_tune_task`. A merged trial
    stands under every name; failed trials are left out and counted in the parameter `failed_trials`. Of several
    clusterings that a study asks for, one is written: that with `at: before_activation`, whose layers are those of the
    study's own files, and of several such that with `self_pairs: true`, which counts pairs of images as they do (else
    precision and recall are those of pairs of different images). Where none looks before activations, layers are called
    `conv0.block`: what lies behind a convolution, its activation and its pooling.

    Args:
        path: an output directory, or a ledger file.
        folder: where the files are written; made where absent, files of the same name are replaced.
        study: the study file's content, from which the parameters are filled as far as the format has names.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
        UserError: the ledger holds no results, or the files cannot be written.
    """
    with Ledger(path, read_only=True) as ledger:
        imported = ledger.meta("imported")
        if imported and imported.get("format") == FORMAT:
            contents = dict(_as_imported(ledger, imported))
        else:
            contents = dict(_as_study(ledger, study or {}))
    if not contents:
        raise UserError(f"{ledger.path} holds no finished trials: there is nothing to export")
    return [_write(Path(folder).expanduser() / name, content) for name, content in contents.items()]


def _write(path: Path, content: Any) -> Path:
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def _as_imported(ledger: Ledger, imported: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    names = {name.condition: name for name in ledger.names() if not name.merged}
    trials = {trial.key: trial for trial in ledger.trials()}
    probes = {probe.key: probe for probe in ledger.probes()}
    for file in imported["files"]:
        rows: list[Any] = []
        for key, changed in file["rows"]:
            if file["kind"] == "cluster":
                standard = probe_row(probes[key])
                if "layers" not in imported:
                    standard["Layer"] = probes[key].layer
            else:
                standard = trial_row(names[trials[key].condition], trials[key], file["lr"])
            rows.append(apply_differences(standard, changed))
        yield file["name"], rows if file["kind"] == "cluster" else [file["parameters"], *rows]


def _as_study(ledger: Ledger, study: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    by_condition: dict[str, list[TrialRecord]] = {}
    for trial in ledger.trials():
        by_condition.setdefault(trial.condition, []).append(trial)
    failed: dict[str, int] = {}
    for failure in ledger.failures():
        if failure.condition is not None:
            failed[failure.condition] = failed.get(failure.condition, 0) + 1
    names = sorted(ledger.names(), key=lambda name: (name.fraction, name.cut))
    contexts: dict[tuple[str, ...], dict[str, list[ConditionName]]] = {}
    for name in names:
        if name.condition in by_condition:
            contexts.setdefault(_context(name), {}).setdefault(name.strategy, []).append(name)
    base = str(ledger.meta("study_name") or "study")
    for context, strategies in contexts.items():
        title = _title(base, context, list(contexts))
        for strategy, members in strategies.items():
            values = _parameters(members[0], study, sorted({name.fraction for name in members}))
            num_failed = sum(failed.get(name.condition, 0) for name in members)
            if num_failed:
                values["failed_trials"] = num_failed
            rows = [
                trial_row(name, trial, _rate(name, values))
                for name in members
                for trial in sorted(by_condition[name.condition], key=lambda trial: trial.replicate)
            ]
            letters = LETTERS.get(strategy, strategy)
            file = f"baselines_{title}.json" if strategy == "scratch" else f"cuts_{title}_{letters}.json"
            yield file, [values, *rows]
    probes = (probe for probe in ledger.probes(named=True) if probe.probe.split("(")[0] == "clustering")
    scored = [probe for probe in probes if set(SCORES.values()) <= set(probe.scores)]
    yield from _clusters(base, scored, list(dict.fromkeys((*context[:3], "") for context in contexts)))


def _clusters(base: str, probes: list[ProbeRecord], contexts: list[tuple[str, ...]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield one file for each source, target and model: rows of different ones look alike.

    Scores on the images of the source are about no target and stand in the file of each.
    """
    known = dict.fromkeys(probe.probe for probe in probes)
    labels = sorted(known, key=lambda label: ("at=before_activation" not in label, "self_pairs=True" not in label))
    probes = [probe for probe in probes if probe.probe in labels[:1]]
    targets: dict[tuple[str, str], dict[str, None]] = {}
    for probe in probes:
        named = targets.setdefault((probe.source, probe.model), {})
        named |= {probe.target: None} if probe.target else {}
    files = [(source, target, model, "") for (source, model), named in targets.items() for target in named or [""]]
    contexts = list(dict.fromkeys([*contexts, *files]))
    for source, target, model, _ in files:
        rows = [probe_row(p) for p in probes if (p.source, p.model) == (source, model) and p.target in (target, "")]
        yield f"{_title(base, (source, target, model, ''), contexts)}_cluster.json", rows


def _rate(name: ConditionName, values: Mapping[str, Any]) -> Any:
    """Return the learning rate of a trial; None where there was none, or several of which nobody knows the one."""
    told = values.get("lr_fine_tune")
    return name.learning_rate or (None if isinstance(told, list) else told)


def _context(name: ConditionName) -> tuple[str, ...]:
    factors = ",".join(f"{factor}={level}" for factor, level in sorted(name.factors.items()))
    return (name.source, name.target, name.model, factors)


def _title(base: str, context: tuple[str, ...], contexts: list[tuple[str, ...]]) -> str:
    """Return the study's name and those parts of a context that differ between contexts."""
    differing = [i for i in range(len(context)) if len({other[i] for other in contexts}) > 1]
    title = "_".join([base, *(_file_part(context[i]) for i in differing if context[i])])
    titles = ["_".join(_file_part(other[i]) for i in differing) for other in contexts]
    return title if len(set(titles)) == len(titles) else f"{title}_{contexts.index(context)}"


def _file_part(text: str) -> str:
    return re.sub(r"[^\w.=+-]+", "-", text).strip("-")


def _parameters(name: ConditionName, study: Mapping[str, Any], fractions: list[float]) -> dict[str, Any]:
    """Return the parameters that the format has names for and the study tells, leaving out the others."""
    transfer = study.get("transfer", {})
    pretraining = {**study.get("pretraining", {}), **_own_training(study.get("source", []), name.source)}
    training = {**transfer.get("training", {}), **_own_training(study.get("target", []), name.target)}
    for factor, level in name.factors.items():
        training |= transfer.get("factors", {}).get(factor, {}).get(level, {})
    freeze, reinit, truncate = FLAGS.get(name.strategy, (None, None, None))
    values = {
        "depth": name.num_blocks,
        **_model_parameters(name.model, study),
        "lr_pretrain": pretraining.get("lr"),
        "lr_fine_tune": training.get("lr"),
        "num_train": training.get("epochs"),
        "early_stop_patience": training.get("patience"),
        "classification_report_flag": training.get("classification_report"),
        "batch_size": training.get("batch_size"),
        "pre_train_classes": classes_in(name.source),
        "fine_tune_classes": classes_in(name.target),
        "pre_train_task": None if is_plain(name.source) else name.source,
        "fine_tune_task": None if is_plain(name.target) else name.target,
        "val_split": transfer.get("val_split"),
        "generate_dataset_seed": study.get("seed"),
        "percentages": fractions,
        "freeze": freeze,
        "reinit": reinit,
        "truncate": truncate,
        "reinit_both_dense": {"replace": True, "keep_hidden": False}.get(transfer.get("head", "")),
    }
    return {key: value for key, value in values.items() if value is not None}


def _own_training(tasks: list[Mapping[str, Any]], label: str) -> Mapping[str, Any]:
    """Return the training fields that a task changes for itself; a source's label may go on with seed and moment."""
    labels = {TaskSpec.model_validate(task).label: task.get("training") or {} for task in tasks if "dataset" in task}
    found = [known for known in labels if f"{label} ".startswith(f"{known} ")]
    return labels[max(found, key=len)] if found else {}


def _model_parameters(label: str, study: Mapping[str, Any]) -> dict[str, Any]:
    models = [ModelSpec.model_validate(entry) for entry in study.get("model", [])]
    model = next((model for model in models if model.label == label), None)
    if model is None:
        return {}
    options = model.options
    values: dict[str, Any] = {
        "num_channels": options.get("channels"),
        "two_linear_layers": options.get("hidden") is not None,
        "hidden_dim_lin": options.get("hidden"),
        "kernel_size": options.get("kernel_size"),
        "is_cnn": model.name != "mlp",
    }
    if options.get("activation") == "relu":
        values["activation_function"] = "<class 'torch.nn.modules.activation.ReLU'>"
    if "pool_every" in options:
        values["use_pooling"] = options["pool_every"] is not None
        values["pooling_every_n_layers"] = options["pool_every"]
        values["pooling_stride"] = options.get("pool_stride")
    return values
