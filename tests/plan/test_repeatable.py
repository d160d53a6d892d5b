"""What a GPU could not train twice to the same bits is found in the plan; no GPU is needed for that."""

from __future__ import annotations

import pytest

import layercut.runner.opened
from layercut import run_study
from layercut.errors import UserError
from layercut.executors.serial import SerialExecutor
from layercut.models import MODELS
from layercut.models.measured import plan_model
from layercut.plan.repeatable import require_repeatable, unrepeatable
from support.tiny import tiny_plan, tiny_study

ALEXNET = ("target.image_size=64", "target.channels=3", "match=target", "model={name: torchvision/alexnet}")
"""Adaptive average pooling to 6 x 6 pixels between its last convolution and its head."""


def found(*overrides):
    return unrepeatable(tiny_plan(*ALEXNET, "source={random: true}", *overrides).plan)


def test_pooling_in_front_of_the_lowest_block_that_is_trained_needs_no_gradient():
    options = MODELS["torchvision/alexnet"].options()
    plan = plan_model(MODELS["torchvision/alexnet"], options, (3, 64, 64), 2)
    (pooled,) = [block for block in plan.block_unrepeatable if block.inputs]
    assert pooled == ("", "adaptive average pooling")


def test_a_tail_below_the_pooling_is_not_repeatable():
    assert found("transfer.strategies=[freeze_reinit]", "transfer.cuts=[1]") == [
        "freeze_reinit of torchvision/alexnet (adaptive average pooling)"
    ]


def test_a_head_on_frozen_blocks_is_repeatable():
    assert found("transfer.strategies=[freeze]", "transfer.cuts=[5]") == []


def test_pretraining_goes_through_everything():
    plan = tiny_plan(*ALEXNET, "transfer.strategies=[freeze]", "transfer.cuts=[5]").plan
    assert unrepeatable(plan) == ["pretraining of torchvision/alexnet (adaptive average pooling)"]


def test_models_without_such_operations_are_repeatable():
    require_repeatable(tiny_plan().plan)
    require_repeatable(tiny_plan(*ALEXNET[:3], "model={name: torchvision/resnet18}", "transfer.cuts=[1]").plan)


@pytest.fixture
def gpu(monkeypatch):
    """A machine whose device is said to be a GPU; nothing gets as far as computing on it."""
    monkeypatch.setattr(
        layercut.runner.opened, "resolve_device", lambda name: layercut.runner.opened.torch.device("cuda")
    )


STUDY = (*ALEXNET, "source={random: true}", "transfer.strategies=[finetune]", "transfer.cuts=[1]")


def test_a_run_on_a_gpu_is_refused_before_any_work(gpu, tmp_path):
    with pytest.raises(UserError, match=r"finetune of torchvision/alexnet .*--device cpu, .*--nondeterministic"):
        run_study(tiny_study(*STUDY), tmp_path / "run", executor=SerialExecutor(), stack=False)
    assert not (tmp_path / "run").exists()


def test_a_declared_way_out_leads_on(gpu, tmp_path, monkeypatch):
    class ReachedError(Exception):
        pass

    def reached(device):
        raise ReachedError

    monkeypatch.setattr(layercut.runner.opened, "capture_environment", reached)
    with pytest.raises(ReachedError):
        run_study(tiny_study(*STUDY), tmp_path / "run", executor=SerialExecutor(), stack=False, nondeterministic=True)
