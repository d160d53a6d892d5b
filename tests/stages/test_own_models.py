"""Studies of own models from the plan to the record."""

from __future__ import annotations

import pytest

from layercut.plan.schedule import transfer_jobs
from layercut.records import TrialRecord
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_transfer
from support.tiny import context_with_sources, tiny_plan

SMALL = ["transfer.fractions=[0.1]", "transfer.training={epochs: 1, batch_size: 10}", "pretraining.epochs=1"]


@pytest.mark.parametrize("function", ["LeNet", "Tied", "lazy", "ChannelsLast", "all_but_the_head_frozen"])
def test_every_trial_of_a_model_as_people_have_it_succeeds(function, tmp_path):
    checked = tiny_plan(f"model={{factory: 'support.odd_models:{function}'}}", *SMALL)
    context = context_with_sources(checked, tmp_path)
    records = [
        record for job in transfer_jobs(checked.plan, lambda key: False) for record in run_transfer(job, context)
    ]
    assert all(isinstance(record, TrialRecord) for record in records)
    assert len(records) > 3


def test_replicates_of_a_model_with_shared_weights_stay_shared_when_they_are_trained_as_one(tmp_path):
    model = "model={factory: 'support.odd_models:Tied'}"
    changes = [model, *SMALL, "transfer.strategies=[scratch]", "transfer.replicates=2"]
    serial, stacked = tiny_plan(*changes), tiny_plan(*changes, stacked=True)
    context = context_with_sources(serial, tmp_path)
    (alone,) = transfer_jobs(serial.plan, lambda key: False)
    (together,) = transfer_jobs(stacked.plan, lambda key: False)
    for one, other in zip(run_transfer(alone, context), run_stacked(together, context), strict=True):
        assert one.test_loss == pytest.approx(other.test_loss, rel=1e-3)
        assert (one.num_parameters, one.best_epoch) == (other.num_parameters, other.best_epoch)
