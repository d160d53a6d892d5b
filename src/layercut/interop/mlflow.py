"""MLflow: a run of the study's experiment for each training.

Where `MLFLOW_TRACKING_URI` is set, on that server; else in `mlflow/` of the output directory. A run that is finished
there already is left alone, so a resumed study adds what is new.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from layercut.records import EpochPoint

FOLDER, DATABASE = "mlflow", "mlflow.db"
_NAME = "layercut.training"
"""The tag that tells trainings apart: names of runs may be changed by hand."""
_VALUES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "learning_rate")


class MlflowLog:
    """Writes a run for each training."""

    def __init__(self, output_dir: Path, study: str) -> None:
        self._entities: Any = importlib.import_module("mlflow.entities")
        folder = (output_dir / FOLDER).absolute()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if server is None:
            folder.mkdir(parents=True, exist_ok=True)
        self._client: Any = importlib.import_module("mlflow.tracking").MlflowClient(
            tracking_uri=server or f"sqlite:///{folder / DATABASE}"
        )
        where = {} if server else {"artifact_location": (folder / "artifacts").as_uri()}
        found = self._client.get_experiment_by_name(study)
        self._experiment = found.experiment_id if found else self._client.create_experiment(study, **where)
        self._finished = set(self._earlier())

    def add(
        self, name: str, curve: Iterable[EpochPoint], metrics: Mapping[str, float], design: Mapping[str, str | float]
    ) -> None:
        """Write one training, unless it is there."""
        if name in self._finished:
            return
        run = self._client.create_run(self._experiment, run_name=name, tags={_NAME: name}).info.run_id
        points = list(curve)
        last = points[-1].epoch if points else 0
        values = [(field, getattr(point, field), point.epoch) for point in points for field in _VALUES]
        values += [(metric, value, last) for metric, value in metrics.items()]
        told = [
            self._entities.Metric(field, value, 0, step)
            for field, value, step in values
            if value is not None and math.isfinite(value)
        ]
        given = [self._entities.Param(field, str(value)) for field, value in design.items()]
        self._client.log_batch(run, params=given)
        for start in range(0, len(told), _MOST):
            self._client.log_batch(run, metrics=told[start : start + _MOST])
        self._client.set_terminated(run)
        self._finished.add(name)

    def close(self) -> None:
        """Finish; every run is complete already."""

    def _earlier(self) -> Iterator[str]:
        """Yield what earlier runs of the study have told; what was interrupted on the way is taken away."""
        token = None
        while True:
            page = self._client.search_runs([self._experiment], page_token=token)
            for run in page:
                name = run.data.tags.get(_NAME)
                if name is not None and run.info.status == "FINISHED":
                    yield name
                elif name is not None:
                    self._client.delete_run(run.info.run_id)
            token = page.token
            if not token:
                return


_MOST = 1000
"""Metrics that MLflow takes at once."""
