"""Trials of zoo models: frozen trunks stay as they are, and features have one set of bits, stored or computed."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.plan.schedule import extract_jobs
from layercut.records import exact_content
from layercut.stages.extract import run_extract
from layercut.stages.transfer import run_trial
from support.tiny import context_with_sources, one_condition, tiny_plan

SMALL = [
    "transfer.fractions=[0.1]",
    "transfer.training={epochs: 1, batch_size: 10}",
    "source={random: true}",
    "transfer.strategies=[scratch, freeze_reinit, freeze, freeze_truncate]",
]

MODELS = [
    ("{name: torchvision/swin_t, granularity: stage, cuts: [stage1]}", 1),
    ("{name: torchvision/shufflenet_v2_x0_5, cuts: [stage2_0, conv5]}", 1),
    ("{name: torchvision/resnet18, granularity: stage, cuts: [layer1]}", 1),
]


@pytest.fixture(params=[MODELS[1]], ids=lambda parameter: parameter[0])
def study(request, tmp_path):
    """A plan with a random source."""
    model, cut = request.param
    checked = tiny_plan(f"model={model}", *SMALL, f"transfer.cuts=[{cut}]")
    return checked, context_with_sources(checked, tmp_path), cut


@pytest.mark.slow
@pytest.mark.parametrize("study", MODELS, indirect=True, ids=lambda parameter: parameter[0])
def test_stored_features_and_computed_ones_give_the_same_trial(study):
    checked, context, cut = study
    condition = one_condition(checked, "freeze_truncate", cut)
    computed = run_trial(condition, 0, "trial", context)
    assert computed.frozen_unchanged is True
    for job in extract_jobs(checked.plan, {condition.feature_set.key: [cut]}, {condition.key}):
        assert list(run_extract(job, context)) == []
    assert exact_content(run_trial(condition, 0, "trial", context)) == exact_content(computed)


def test_a_trial_of_a_traced_model_has_the_same_bits_in_every_run(study):
    checked, context, cut = study
    condition = one_condition(checked, "freeze", cut)
    first, second = (run_trial(condition, 0, "trial", context) for _ in range(2))
    assert exact_content(first) == exact_content(second)
    assert first.num_trained_parameters < first.num_parameters


def test_a_library_model_of_another_size_is_refused_with_file_and_key():
    with pytest.raises(SpecError, match=r"`model\[0\].*vit_b_16"):
        tiny_plan("model={name: torchvision/vit_b_16}", *SMALL)
