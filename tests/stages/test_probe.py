"""Probes of a study: which images and features they get, and what becomes of their scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercut import run_study
from layercut.checkpoints import save_checkpoint
from layercut.data.balanced import balanced_sample
from layercut.data.folder import FOLDER, FolderOptions
from layercut.data.splits import sample_split
from layercut.errors import SpecError
from layercut.ledger import Ledger
from layercut.plan.jobs import ExtractJob
from layercut.plan.preflight import plan_with_data
from layercut.plan.source_models import whole_model
from layercut.probes import PROBES
from layercut.spec import parse_study
from layercut.stages import probe as stage
from layercut.stages.extract import run_extract
from layercut.stages.probed import Probed, probe_sample
from layercut.stages.tap_features import source_features
from support import tiny_probes
from support.fake_datasets import write_image
from support.tiny import context_with_sources, tiny_plan, tiny_study

SMALL = (
    "transfer.strategies=[freeze_reinit]",
    "transfer.cuts=[2]",
    "transfer.fractions=[0.1, 0.3]",
    "transfer.replicates=2",
)


@pytest.fixture(autouse=True)
def probes(monkeypatch):
    """The tiny probes beside the real ones."""
    monkeypatch.setattr(PROBES, "_table", {**PROBES._table, **tiny_probes.TABLE})


def run(tmp_path, *overrides):
    """Run a small study and return its probe records and failures."""
    summary = run_study(tiny_study(*SMALL, *overrides), tmp_path, executor="serial")
    with Ledger(tmp_path, read_only=True) as ledger:
        return summary, list(ledger.probes(named=True)), list(ledger.failures())


def test_every_layer_is_scored_on_every_trial_sample(tmp_path):
    summary, records, failures = run(tmp_path, "probes=[mean]")
    assert failures == []
    assert {(r.layer, r.cut) for r in records} == {
        ("input", 0), ("conv0", 1), ("conv1", 2), ("conv2", 3), ("output", None)
    }  # fmt: skip
    assert {(r.fraction, r.replicate) for r in records} == {(0.1, 0), (0.1, 1), (0.3, 0), (0.3, 1)}
    assert len(records) == 20 == summary.num_probes
    assert {(r.dataset, r.split, r.target, r.source) for r in records} == {
        ("target", "train", "digits[5,6,7,8,9]", "digits[0,1,2,3,4]")
    }
    assert all(r.checkpoint_hash and r.split_hash and r.num_images for r in records)


def test_a_probe_sees_the_training_images_of_its_trial(tmp_path):
    checked = tiny_plan(*SMALL, "probes=[mean]")
    context = context_with_sources(checked, tmp_path)
    job = next(job for job in checked.plan.probes if (job.fraction, job.replicate) == (0.3, 1))
    task = context.open_task(job.task)
    trial = sample_split(task.train_labels, 5, 0.3, 1, 3, validation="within", val_split=0.1)
    assert (probe_sample(job, task) == trial.train).all()
    record = next(r for r in stage.run_probe(job, context) if r.layer == "input")
    pixels = task.dataset.train.images[task.train_index[trial.train]] / 255 * 2 - 1
    assert record.scores["score"] == pytest.approx(pixels.mean(), abs=1e-5)


def test_a_sample_is_balanced_and_differs_between_replicates(tmp_path):
    labels = np.repeat([0, 1, 2], [50, 9, 40])
    chosen = balanced_sample(labels, 3, 31, 0, 7)
    assert np.bincount(labels[chosen]).tolist() == [11, 9, 11]
    assert set(chosen) <= set(balanced_sample(labels, 3, 60, 0, 7))
    assert set(chosen) != set(balanced_sample(labels, 3, 31, 1, 7))
    assert len(balanced_sample(labels, 3, 99, 0, 7)) == 99
    _, records, _ = run(tmp_path, "probes=[{name: mean, sample: 25}]")
    assert {(r.fraction, r.num_images) for r in records} == {(1.0, 25)}
    assert len({r.split_hash for r in records}) == 2


def test_source_images_test_images_and_validation_images_are_looked_at_when_asked(tmp_path):
    _, records, _ = run(
        tmp_path,
        "probes=[{name: mean, images: both, fractions: 0.3}, {name: labels, split: test, sample: 20}]",
    )
    assert {(r.probe, r.dataset, r.split, r.target != "") for r in records} == {
        ("mean", "target", "train", True),
        ("mean", "source", "train", False),
        ("labels", "target", "test", True),
    }


GROUPED = """\
name: crops
source: {random: true}
target: {dataset: folder, path: PATH, group: folder, image_size: 8}
model: {name: plain_cnn, depth: 1, channels: 2, kernel_size: 3}
transfer: {strategies: [freeze], cuts: [1], replicates: 1, validation: folds}
probes: [knn, mean, {name: knn, split: test, neighbours: 1}]
"""


@pytest.fixture
def crops(tmp_path):
    """Return the plan of a study of photographs in groups."""
    for name, shade in (("dark", 20), ("light", 120)):
        for index in range(12):
            pixels = np.random.default_rng([shade, index]).integers(shade, shade + 99, (8, 8, 3), dtype=np.uint8)
            write_image(tmp_path / "crops" / name / f"{name}{index // 3}" / f"{index}.png", pixels)
    spec = parse_study(GROUPED.replace("PATH", str(tmp_path / "crops")))
    return lambda: plan_with_data(spec, tmp_path, tmp_path / "cache", "float32")


def test_a_probe_is_given_the_groups_of_its_training_images(crops, tmp_path):
    checked = crops()
    train, test = (next(j for j in checked.plan.probes if j.split == split) for split in ("train", "test"))
    context = context_with_sources(checked, tmp_path)
    probed = Probed(train, context)
    files = FOLDER.image_files(FolderOptions(path=tmp_path / "crops", group="folder"), tmp_path)[0]
    folders = [files[index].parent.name for index in probed.positions]
    assert len(set(folders)) == 6 == len(set(zip(folders, probed.groups.tolist(), strict=True)))
    assert Probed(test, context).groups is None


def test_scores_that_groups_change_have_keys_of_their_own(crops, monkeypatch):
    def keys():
        return {p.label: p.key for job in crops().plan.probes for p in job.probings}

    with_groups = keys()
    monkeypatch.setattr("layercut.plan.probes.holds_out", lambda probe: False)
    assert {label for label, key in keys().items() if with_groups[label] != key} == {"knn"}


def test_a_pair_compares_with_a_model_trained_on_the_target(tmp_path):
    checked = tiny_plan(*SMALL, "probes=[pair]")
    assert [job.label for job in checked.plan.sources] == ["digits[0,1,2,3,4]", "digits[5,6,7,8,9]"]
    _, records, _ = run(tmp_path, "probes=[pair]")
    assert {r.layer for r in records} == {"conv0", "conv1", "conv2", "output"}
    assert all(r.scores["score"] > 0 for r in records)


def test_a_target_that_is_the_source_is_its_own_reference(tmp_path):
    _, records, _ = run(tmp_path, "probes=[pair]", "source=[{dataset: digits, classes: [5, 6, 7, 8, 9]}]")
    assert {r.scores["score"] for r in records} == {0.0}


def test_the_output_has_the_classes_of_the_source_and_is_scored_once(tmp_path):
    _, records, _ = run(tmp_path, "probes=[output]", "source=[{dataset: digits, classes: [0, 1, 2]}]")
    assert {(r.layer, r.scores["score"]) for r in records} == {("output", 3.0)}
    assert len(records) == 4


def test_weights_are_scored_once_a_source_and_block(tmp_path):
    _, records, _ = run(tmp_path, "probes=[weights]")
    assert [(r.layer, r.dataset, r.num_images) for r in records] == [(f"conv{i}", "none", None) for i in range(3)]


def test_a_score_without_a_value_is_a_final_result_and_the_study_goes_on(tmp_path):
    summary, records, failures = run(tmp_path, "probes=[deep, nan]")
    assert summary.num_finished == 4
    assert {(f.kind, f.job, f.final) for f in failures} == {("undefined", "probe", True)}
    assert len(records) == 16
    assert summary.failed_probes == {"undefined": 4 + 20}
    again = run_study(tiny_study(*SMALL, "probes=[deep, nan]"), tmp_path, executor="serial")
    assert again.records_hash == summary.records_hash


def test_random_weights_have_no_head(tmp_path):
    _, records, failures = run(tmp_path, "probes=[mean, output]", "source=[{random: true}]")
    assert {r.layer for r in records} == {"input", "conv0", "conv1", "conv2"}
    assert failures == []


def test_a_study_without_probes_keeps_its_hash_and_one_with_them_does_not(tmp_path):
    plain, _, _ = run(tmp_path / "plain")
    probed, _, _ = run(tmp_path / "probed", "probes=[draw]")
    back, records, _ = run(tmp_path / "probed")
    assert plain.records_hash == back.records_hash != probed.records_hash
    assert records == []


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    whole, _, _ = run(tmp_path / "whole", "probes=[draw, mean]")
    run(tmp_path / "halves", "probes=[mean]")
    seen = []
    original = stage.run_probe
    monkeypatch.setattr(
        "layercut.stages.run.run_probe", lambda job, context: seen.append(job) or original(job, context)
    )
    second, _, _ = run(tmp_path / "halves", "probes=[draw, mean]")
    assert second.records_hash == whole.records_hash
    assert {probing.label for job in seen for probing in job.probings} == {"draw"}
    assert len(seen) == 4


def test_stored_features_give_the_same_bits_as_computed_ones(tmp_path):
    checked = tiny_plan("transfer.strategies=[freeze_reinit]", "transfer.fractions=[0.3]", "probes=[mean]")
    context = context_with_sources(checked, tmp_path)
    (job,) = checked.plan.probes
    task = context.open_task(job.task)
    positions = probe_sample(job, task)
    model = whole_model(job.model, context.open_source(job.source)[0]).model
    layers = ["input", "conv0", "conv1", "conv2", "output"]

    def features(stored):
        return dict(source_features(job, context, model, task, "train", positions, layers, stored=stored))

    computed = features(stored=False)

    for shard in range(job.feature_set.num_shards):
        assert list(run_extract(ExtractJob("x", job.feature_set, (1, 3), shard, 1), context)) == []
    read = features(stored=True)
    assert list(read) == list(computed) == layers
    assert all(torch.equal(read[name], computed[name]) for name in layers)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("probes=[maen]", r"probes\[0\].*unknown probe 'maen'; did you mean 'mean'"),
        ("probes=[{name: mean, scael: 2}]", r"probes\[0\].*unknown key; did you mean 'scale'"),
        ("probes=[{name: mean, images: nobody}]", r"probes\[0\]\.images.*'target', 'source' or 'both'"),
        ("probes=[{name: mean, fractions: [2]}]", r"probes\[0\]\.fractions.*a fraction in"),
        ("probes=[{name: mean, fractions: [0.0001]}]", r"probes\[0\]\.fractions.*leaves no image of class"),
        ("probes=[mean, mean]", r"probes\[1\].*each probe once"),
        ("probes=[{name: pair, images: both}]", r"probes\[0\]\.images.*use `target`"),
        ("probes=[{scale: 2}]", r"probes\[0\]\.name.*is required"),
    ],
)
def test_what_cannot_be_is_named(overrides, message):
    with pytest.raises(SpecError, match=message):
        tiny_plan(*SMALL, overrides)


def test_a_source_of_unknown_data_cannot_be_looked_at():
    with pytest.raises(SpecError, match=r"probes\[0\]\.images.*it is not known what the source random weights"):
        tiny_plan(*SMALL, "probes=[{name: mean, images: source}]", "source=[{random: true}]")


def test_features_that_are_no_numbers_have_no_score_and_the_others_do(tmp_path):
    checked = tiny_plan(*SMALL)
    context = context_with_sources(checked, tmp_path / "first")
    values, _ = context.open_source(checked.plan.sources[0].key)
    # finite weights whose mean of four overflows: others are refused where they are read
    broken = dict(values) | {"blocks.conv1.conv.bias": torch.full_like(values["blocks.conv1.conv.bias"], 3e38)}
    save_checkpoint(tmp_path / "broken.safetensors", broken)
    summary, records, failures = run(
        tmp_path / "run", "probes=[mean]", f"source=[{{checkpoint: {tmp_path / 'broken.safetensors'}}}]"
    )
    assert {r.layer for r in records} == {"input", "conv0"}
    probe_failures = [f for f in failures if f.job == "probe"]
    assert all(f.kind == "undefined" and "are not finite numbers" in f.message for f in probe_failures)
    assert summary.failed_probes == {"undefined": 12}


def test_weights_without_a_head_say_what_is_missing(tmp_path):
    checked = tiny_plan(*SMALL)
    context = context_with_sources(checked, tmp_path / "first")
    values, _ = context.open_source(checked.plan.sources[0].key)
    trunk = {name: value for name, value in values.items() if name.startswith("blocks.")}
    save_checkpoint(tmp_path / "trunk.safetensors", trunk)
    _, records, failures = run(
        tmp_path / "run", "probes=[mean, output]", f"source=[{{checkpoint: {tmp_path / 'trunk.safetensors'}}}]"
    )
    assert {r.layer for r in records} == {"input", "conv0", "conv1", "conv2"}
    assert {f.message for f in failures} == {
        "the source's weights contain no matching head: there is nothing after its blocks"
    }
