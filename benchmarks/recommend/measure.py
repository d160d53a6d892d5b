"""Run everything that a recommendation could have tried, resumably: by the recommendation itself, then as a study."""

from __future__ import annotations

from pathlib import Path

import layercut
from benchmarks.recommend.folders import CLASSES, SOME, Places, write_folder
from benchmarks.recommend.studies import MODELS, SOURCES, ReplayStudy
from layercut.spec.load import make_study

_AT_ONCE = "1s"
"""A budget for solved heads alone, which are done whatever it is."""


def measure(study: ReplayStudy, runs: Path, places: Places) -> Path:
    """Return the directory of a recommendation whose study is finished; what was run before is not run again."""
    run = runs / study.name
    if (run / "finished").exists():
        return run
    classes = SOME[study.classes] if study.classes else CLASSES[study.data][1]
    folder = runs / "folders" / study.folder
    photos = write_folder(folder, study.data, classes, study.per_class, places, study.noise, study.draw)
    model, options = MODELS[study.model]
    channels = 1 if study.data in ("digits", "mnist") else 3
    layercut.recommend(
        f"{model}={_weights(study, runs, places)}", photos, budget=_AT_ONCE, output_dir=run, device="cpu", workers=1,
        overrides=(f"target.channels={channels}", *options),
    )  # fmt: skip
    whole = layercut.load_study(run / "study.yaml", [f"transfer.replicates={study.replicates}"])
    layercut.run_study(whole, run, workers=1, device="cpu")
    (run / "finished").touch()
    return run


def _weights(study: ReplayStudy, runs: Path, places: Places) -> str:
    if study.source == "random":
        return "random"
    return str(places.weights if study.source == "imagenet" else _source(study, runs, places))


def _source(study: ReplayStudy, runs: Path, places: Places) -> Path:
    """Return the weights of a model that was trained on the other classes."""
    noisy = study.source == "class noise"
    output_dir = runs / "sources" / f"{study.data}-{study.model}{'-class-noise' if noisy else ''}"
    seen = CLASSES[study.data][0]
    images = write_folder(runs / "folders" / f"{study.data}-source", study.data, seen, SOURCES[study.data], places)
    folder = {"dataset": "folder", "path": str(images), "channels": 3 if study.data == "cifar" else 1}
    model, options = MODELS[study.model]
    content = {
        "name": "source",
        "source": folder | ({"variant": "class_noise"} if noisy else {}),
        "target": folder,
        "model": {"name": model},
        "pretraining": {"lr": 2e-3, "batch_size": 64, "epochs": 10, "threads": 1},
        "transfer": {"strategies": ["linear_probe"], "cuts": [1], "fractions": [0.1], "replicates": 1},
    }
    layercut.run_study(make_study(content, options), output_dir, workers=1, device="cpu")
    (weights,) = (output_dir / "checkpoints").glob("*.safetensors")
    return weights
