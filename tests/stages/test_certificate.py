"""Each trial certifies that what its strategy trains was trained."""

from __future__ import annotations

import pytest
import torch

from layercut.errors import UntrainedError
from layercut.stages import transfer
from layercut.stages.certificate import check_trained, values_to_train
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stages.trial import prepare_trial
from layercut.strategies import STRATEGIES
from support.tiny import EVERY_NAME, context_with_sources, one_condition, tiny_plan


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan with a trained source."""
    checked = tiny_plan(f"transfer.strategies=[{', '.join(EVERY_NAME)}]")
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize("strategy", EVERY_NAME)
def test_everything_that_a_strategy_trains_has_moved_and_everything_else_has_not(study, strategy, monkeypatch):
    checked, context = study
    trials, before = [], []

    def prepare(*arguments):
        trials.append(prepare_trial(*arguments))
        before.append({name: value.clone() for name, value in trials[0].parts.body.named_parameters()})
        return trials[0]

    monkeypatch.setattr(transfer, "prepare_trial", prepare)
    cut = 2 if STRATEGIES[strategy].transfers else 0
    cut = next(name.cut for name in checked.plan.names if name.strategy == strategy and name.cut in (cut, 2))
    record = run_trial(one_condition(checked, strategy, cut), 0, "trial", context)
    (trial,) = trials
    waiting = tuple(f"{block}." for block in trial.waiting(record.best_epoch))
    wanted = {name for name in values_to_train(trial) if not name.startswith(waiting)}
    moved = {n for n, value in trial.parts.body.named_parameters() if not torch.equal(value, before[0][n])}
    assert moved == wanted


def test_a_layer_that_training_forgets_makes_the_trial_a_failure(study, monkeypatch):
    checked, context = study

    def forgets(body, *arguments):
        weight = body.blocks[0].conv.weight
        before = weight.detach().clone()
        result = original(body, *arguments)
        weight.data.copy_(before)
        return result

    original = transfer.train
    monkeypatch.setattr(transfer, "train", forgets)
    with pytest.raises(UntrainedError, match=r"finetune trains blocks\.conv0\.conv\.weight, but training left it"):
        run_trial(one_condition(checked, "finetune", 2), 0, "trial", context)


def test_a_unit_without_gradient_may_stay_as_it_is(study):
    checked, context = study
    trial = prepare_trial(one_condition(checked, "scratch", 0), 0, "trial", context)
    body = trial.parts.body
    torch.nn.init.constant_(body.blocks[0].conv.bias, -100.0)  # below every activation
    for parameter in [*body.blocks[0].parameters()]:
        parameter.data.clamp_(max=0)
    before = values_to_train(trial)
    for name, parameter in body.named_parameters():
        if not name.startswith("blocks.conv0"):
            parameter.data.add_(1.0)
    images = torch.rand(8, 1, 8, 8)
    check_trained(trial, before, lambda: (images, torch.zeros(8, dtype=torch.int64)), best_epoch=1)
    body.blocks[0].conv.bias.data.fill_(1.0)
    with pytest.raises(UntrainedError):
        check_trained(trial, values_to_train(trial), lambda: (images, torch.zeros(8, dtype=torch.int64)), best_epoch=1)


def test_what_has_no_gradient_before_the_first_step_may_stay_where_training_ends_with_it(study):
    checked, context = study
    trial = prepare_trial(one_condition(checked, "scratch", 0), 0, "trial", context)
    gate = trial.parts.body.blocks[1].conv
    gate.weight.data.zero_()  # nothing comes through from the block below, as behind a norm that begins with zero
    before = values_to_train(trial)
    for name, parameter in trial.parts.body.named_parameters():
        if not name.startswith("blocks.conv0"):
            parameter.data.add_(1.0)
    images = torch.rand(8, 1, 8, 8)
    check_trained(trial, before, lambda: (images, torch.zeros(8, dtype=torch.int64)), best_epoch=1)


def test_a_parameter_that_cannot_be_trained_is_no_silent_constant(study):
    checked, context = study
    trial = prepare_trial(one_condition(checked, "finetune", 2), 0, "trial", context)
    trial.parts.body.blocks[1].requires_grad_(False)
    with pytest.raises(UntrainedError, match=r"finetune trains blocks\.conv1\.conv\.weight, .* cannot be"):
        values_to_train(trial)


def test_replicates_trained_as_one_model_certify_it_each(tmp_path, monkeypatch):
    from layercut.plan.schedule import transfer_jobs
    from layercut.stages import stacked

    checked = tiny_plan("transfer.replicates=3", "transfer.strategies=[scratch]", stacked=True)
    context = context_with_sources(checked, tmp_path)
    asked = []
    monkeypatch.setattr(
        stacked, "check_trained", lambda trial, before, batch, best_epoch: asked.append(batch()[0].shape)
    )
    (job,) = [job for job in transfer_jobs(checked.plan, lambda key: False) if len(job.replicates) == 3]
    run_stacked(job, context)
    assert len(asked) == 3
