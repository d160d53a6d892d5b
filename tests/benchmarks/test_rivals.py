"""Rivals follow the protocol: the same images, the same model, the same work."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.children import run_child
from benchmarks.rivals import RIVALS
from benchmarks.rivals.in_memory import TensorBatches, read_tensors
from benchmarks.rivals.loop import evaluate, fit
from benchmarks.rivals.network import Network, build_network, freeze
from benchmarks.rivals.plain import open_mnist
from benchmarks.rivals.trials import Job, read_job, write_job

from layercut.checkpoints import load_foreign_weights
from layercut.models.base import seeded_build
from layercut.models.plain_cnn import PLAIN_CNN, PlainCnnOptions


@pytest.mark.slow
@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_runs_its_trials_on_the_given_images(name: str, small_job: Job, tmp_path: Path) -> None:
    if name == "lightning" and find_spec("lightning") is None:
        pytest.skip("lightning is not installed; it comes with the extra `bench`")
    child = run_child(RIVALS[name], "--job", write_job(tmp_path, small_job))
    timed, whole = child.answer["trials"]
    assert [timed["num_epochs"], whole["num_epochs"]] == [1, 2] == [len(t["epoch_seconds"]) for t in (timed, whole)]
    assert timed["test_accuracy"] is None
    counts = [whole[f"num_{part}_images"] for part in ("train", "validation", "test")]
    assert counts == [20, 12, 15]
    for part, count in zip(("train", "validation", "test"), counts, strict=True):
        num_right = whole[f"{part}_accuracy"] * count
        assert 0 <= num_right <= count
        assert num_right == pytest.approx(round(num_right), abs=1e-4)
    assert whole["seconds"] >= sum(whole["epoch_seconds"])
    assert child.seconds > whole["seconds"]


def test_a_job_comes_back_as_it_was_written(small_job: Job, tmp_path: Path) -> None:
    back = read_job(write_job(tmp_path, small_job))
    assert back._replace(images={}) == small_job._replace(images={})
    for part, wanted in zip(back.images[0], small_job.images[0], strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_plain_and_in_memory_see_the_same_inputs_and_labels(small_job: Job) -> None:
    plain, _ = open_mnist(small_job)
    positions = small_job.images[0].train
    tensors = read_tensors(small_job, train=True).at(positions)
    images, labels = zip(*(plain[int(position)] for position in positions), strict=True)
    torch.testing.assert_close(torch.stack(images), tensors.images)
    assert list(labels) == tensors.labels.tolist() == [int(position) % 5 for position in positions]


def test_batches_in_memory_hold_every_image_once(small_job: Job) -> None:
    tensors = read_tensors(small_job, train=True)
    for shuffle in (False, True):
        labels = torch.cat([labels for _, labels in TensorBatches(tensors, 7, shuffle)])
        assert labels.bincount().tolist() == tensors.labels.bincount().tolist()


def test_the_rivals_network_computes_what_layercuts_model_computes() -> None:
    ours = seeded_build(PLAIN_CNN, PlainCnnOptions(depth=6), (1, 28, 28), 5, seed=1).eval()
    network = Network(6, 5)
    pairs = [(network.blocks[i][0], ours.blocks[i].conv) for i in range(6)] + [(network.fc, ours.head.out)]
    for theirs, mine in pairs:
        theirs.load_state_dict(mine.state_dict())  # type: ignore[arg-type]
    images = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(network(images), ours(images), rtol=1e-4, atol=1e-5)


def test_the_trunk_comes_from_the_weight_file_and_stays_frozen(small_job: Job) -> None:
    source = load_foreign_weights(small_job.weights)
    network = freeze(build_network(small_job.weights, 2, 1, 5), 1)
    tensors = read_tensors(small_job, train=True)
    train = TensorBatches(tensors.at(small_job.images[0].train), 8, shuffle=True)
    before = network.blocks[1][0].weight.clone()
    fit(network, train, train, lr=1e-2, epochs=1, patience=6)
    assert torch.equal(network.blocks[0][0].weight, source["conv0.weight"])
    assert not torch.equal(network.blocks[1][0].weight, before)


def test_training_stops_after_patience_and_keeps_the_first_of_equal_epochs(small_job: Job) -> None:
    tensors = read_tensors(small_job, train=True).at(small_job.images[0].train)
    batches = TensorBatches(tensors, 8, shuffle=False)
    network = build_network(small_job.weights, 2, 0, 5)
    result = fit(network, batches, batches, lr=0.0, epochs=40, patience=2)
    assert len(result.epoch_seconds) == 3
    assert result.best_epoch == 1
    assert evaluate(network, batches) == result.best_accuracy
