"""Real models side by side: everyone does both pieces of work, and what is frozen is so for everyone."""

from __future__ import annotations

import pytest
import torch

lightning = pytest.importorskip("lightning")

from benchmarks.rivals import zoo as rivals  # noqa: E402

from benchmarks import zoo  # noqa: E402 - needs lightning


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Photographs, and a small model of timm."""
    folder = tmp_path_factory.mktemp("photographs")
    zoo.write_photographs(folder)
    return rivals.Setting(folder, "test_resnet", image_size=32, batch_size=8, lr=1e-3, epochs=2)


def test_every_contender_does_both_pieces_of_work(setting):
    (row,) = zoo.measure([setting.model], rounds=1, epochs=2, batch_size=8, image_size=32)
    for work in ("epoch", "frozen"):
        assert set(row[work]) == {"layercut", "plain", "lightning"}
        assert all(one["cpu_seconds"] > 0 and len(one["rounds"]) == 1 for one in row[work].values())
    assert set(row["frozen_again"]) == {"layercut"}
    assert len(zoo.render([row]).splitlines()) == 1 + 3


def test_layercut_trains_on_as_many_images_as_its_rivals(setting, tmp_path):
    ours = zoo.Layercut(setting, tmp_path)
    (split,) = {len(ours.trial_split("train"))}
    assert split == zoo.IMAGES["train"]
    assert len(ours.trial_split("validation")) == zoo.IMAGES["val"]


@pytest.mark.parametrize("model", ["test_resnet", "test_efficientnet", "test_vit"])
def test_a_frozen_model_of_lightning_trains_its_classifier_alone(setting, model):
    classifier = rivals._Classifier(setting._replace(model=model))
    rivals._FrozenModel().freeze_before_training(classifier)
    trained = {name for name, value in classifier.model.named_parameters() if value.requires_grad}
    assert trained == {
        name for name, _ in classifier.model.named_parameters() if name.startswith(("fc.", "head.", "classifier."))
    }
    assert trained


def test_a_frozen_model_of_the_plain_loop_stays_as_it_is(setting):
    model, optimizer = rivals._trained(setting, frozen=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rivals._train(model, optimizer, rivals._loader(setting, "train"), frozen=True)
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"fc.weight", "fc.bias"}
