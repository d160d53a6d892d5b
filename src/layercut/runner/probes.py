"""Scores of models for a task without a study: which of these, and which cut, for my images?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import UserError
from layercut.plan.candidate import Candidate, study_content, typed_for
from layercut.plan.preflight import plan_with_data
from layercut.plan.probes import asked_probes, describe_probes
from layercut.probes import PROBES
from layercut.records import FailureRecord, ProbeRecord
from layercut.spec import StudySpec
from layercut.spec.load import make_study
from layercut.stages.context import RunContext
from layercut.stages.probe import run_probe
from layercut.stages.source import run_source
from layercut.stats.probe_tables import probe_table
from layercut.training.device import resolve_device

MOST_UNITS = 8192
"""What is learned from 500 images does not need more numbers of each, and the first maps of a ResNet have 200,704."""

_DEFAULT = ("logistic_regression", "nearest_centroid", "knn", "logme", "h_score")
"""Three name the class of images held out, two are what was published for choosing models; all look at every cut."""
_SLOW = ("channel_clustering", "kmeans_clustering")
"""Each takes longer than all others together."""


class ProbedModels(NamedTuple):
    """What probes say of some models."""

    table: pd.DataFrame
    """As `load_probes` gives it."""
    failures: list[FailureRecord]


def default_probes() -> list[str]:
    """Return the few probes that say the most about a cut."""
    return list(_DEFAULT)


def every_probe() -> list[str]:
    """Return all probes that need no other model and are quick."""
    return [name for name in PROBES if PROBES[name].kind != "pair" and name not in _SLOW]


def probe_spec(
    candidate: Candidate,
    data: str,
    classes: Sequence[int | str] | None,
    probes: Sequence[str] | None,
    sample: int,
    overrides: Sequence[str] = (),
) -> StudySpec:
    """Return the study whose probes answer for one model; its trials are never run.

    Models of a library get images as their weights were made for, without weights the image size that the model was
    made for and the pixels of ImageNet, where nothing else is said.

    Args:
        candidate: a model and its weights.
        data: a dataset's name, or a folder of images.

    Raises:
        UserError: something given cannot be used.
    """
    content = study_content(candidate, data, classes, overrides) | {
        "name": "probe",
        # with folds no image is kept from probes for validation
        "transfer": {"strategies": ["freeze_truncate"], "cuts": [0], "replicates": 1, "validation": "folds"},
        "probes": [{"name": name, "sample": sample, "replicates": 1} for name in probes or default_probes()],
    }
    typed = typed_for(candidate, data, classes)
    for index, name in enumerate(probes or []):
        typed |= {f"probes[{index}]": f"--probes {name}", f"probes[{index}].sample": f"--sample {sample}"}
    return make_study(content, overrides, typed)


def probe_models(
    specs: Sequence[StudySpec], *, device: str = "auto", data_dir: str | Path | None = None
) -> ProbedModels:
    """Compute the probes of each study on all of its models, in this process; nothing is kept.

    Features of more than `MOST_UNITS` numbers an image are averaged over neighbouring places until they fit.

    Raises:
        UserError: something in a study or its data cannot be used.
    """
    place = resolve_device(device)
    scores: list[ProbeRecord] = []
    failures: list[FailureRecord] = []
    about: dict[str, Any] = {}
    for spec in specs:
        checked = plan_with_data(
            spec, Path(data_dir or default_data_dir()).expanduser(), default_cache_dir(), "float32"
        )
        about |= describe_probes(asked_probes(spec))
        with tempfile.TemporaryDirectory() as folder:
            context = RunContext(Path(folder), place.type, checked.datasets, "", reraise=True)
            used = {key for job in checked.plan.probes for key in (job.source, job.reference)}
            for source in (job for job in checked.plan.sources if job.key in used):
                list(run_source(source, context))
            for job in checked.plan.probes:
                for record in run_probe(replace(job, most_units=MOST_UNITS), context):
                    (failures if isinstance(record, FailureRecord) else scores).append(record)  # type: ignore[arg-type]
    if not scores:
        why = failures[0].message if failures else "no probe has anything to look at"
        raise UserError(f"no probe has a value: {why}")
    if len({record.model for record in scores}) > 1:
        scores = [replace(record, source=f"{record.model}: {record.source}") for record in scores]
    return ProbedModels(probe_table(scores, about), failures)
