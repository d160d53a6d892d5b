"""Trainings as Weights & Biases writes them offline, read back from its files."""

from __future__ import annotations

import json

import pytest

from layercut import run_study
from layercut.spec import parse_study
from layercut.stats.tables import load_curves, load_results
from support.tiny_study import TINY

wandb = pytest.importorskip("wandb", reason="wandb is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # of the library's own imports

OVERRIDES = ["transfer.strategies=[freeze]", "transfer.cuts=[1]", "transfer.fractions=[0.3]", "transfer.replicates=2"]
HEADER, BLOCK = 7, 32_768


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small study that writes for Weights & Biases, offline."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        run_study(parse_study(TINY, overrides=[*OVERRIDES, "wandb=true"]), folder, executor="serial")
    return folder


def records(path):
    """Yield the records of a file: parts in blocks, each behind a checksum, a length and a kind, as in LevelDB."""
    from wandb.proto import wandb_internal_pb2 as proto

    content, at, whole = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(content):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # whole, or its last part
            record = proto.Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def told(run):
    """Return name, configuration, history and summary of each run."""
    found = {}
    for path in sorted((run / "wandb").glob("offline-run-*/*.wandb")):
        name, config, history, summary = "", {}, [], {}
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                name = record.run.display_name
                config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            elif kind == "history":
                keys = [
                    (item.key or "/".join(item.nested_key), json.loads(item.value_json)) for item in record.history.item
                ]
                history.append(dict(keys))
            elif kind == "summary":
                summary |= {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.summary.update
                }
        found[name] = config, history, summary
    return found


def test_each_training_is_a_run_with_its_curve_design_and_final_accuracies(run):
    runs = told(run)
    results = load_results(run).query("not merged")
    assert len([config for config, _, _ in runs.values() if config.get("strategy")]) == len(results)
    row = results.iloc[0]
    config, history, summary = runs[f"freeze/cut-1/fraction-0.3/replicate-{row.replicate}"]
    assert (config["strategy"], config["cut"], config["replicate"]) == ("freeze", 1, row.replicate)
    assert summary["test accuracy"] == pytest.approx(row.test_accuracy)
    curve = load_curves(run).query("key == @row.key")
    assert [point["train_loss"] for point in history] == pytest.approx(list(curve.train_loss))


def test_a_resumed_study_writes_nothing_twice(run):
    before = sorted((run / "wandb").glob("offline-run-*"))
    run_study(parse_study(TINY, overrides=[*OVERRIDES, "wandb=true"]), run, executor="serial")
    assert sorted((run / "wandb").glob("offline-run-*")) == before
