"""Training fields: what goes together and what does not."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.spec import parse_study
from layercut.spec.points import LOG_POINTS
from support.tiny import STUDY


def study(*overrides):
    return parse_study(STUDY, overrides=overrides)


REFUSED = [
    ("{steps: 100, epochs: 5}", "`steps`, or `epochs` with or without `min_steps`; got both"),
    ("{steps: 100, min_steps: 50}", "`steps`, or `epochs` with or without `min_steps`; got both"),
    ("{evaluations: 5}", "evaluations only beside `steps`"),
    ("{momentum: 0.9}", "momentum only with `optimizer: sgd`; got momentum 0.9 with adam"),
    ("{optimizer: sgd, nesterov: true}", "nesterov only with a momentum above 0"),
    ("{lr_schedule: one_cycle}", "`epochs` or `steps` beside `lr_schedule: one_cycle`"),
    ("{lr_schedule: one_cycle, epochs: 5, warmup_steps: 3}", "no warm-up beside `lr_schedule: one_cycle`"),
    ("{lr_schedule: step}", "lr_step_epochs together with `lr_schedule: step`"),
    ("{lr_step_epochs: 3}", "lr_step_epochs together with `lr_schedule: step`"),
    ("{lr_schedule: cosine, lr_factor: 0.5}", "lr_factor only with `lr_schedule: plateau or step`"),
    ("{lr_watch: accuracy}", "lr_watch only with `lr_schedule: plateau`; got lr_watch accuracy with none"),
    ("{warmup_epochs: 2, warmup_steps: 3}", "warmup_epochs or warmup_steps, not both"),
    ("{warmup_epochs: 4, epochs: 4}", "warmup_epochs below epochs; got 4 of 4"),
    ("{log_points: true}", "`patience: null` and no target_accuracy beside log_points"),
    ("{log_points: [0], patience: null}", "at least two log_points, for an area; got one, 0"),
    ("{log_points: [0, last], patience: null}", "log_points before the end"),
    ("{log_points: [0, epoch 0], patience: null}", "0 (initial values), `batch N` (of the first epoch), `epoch N`"),
    ("{log_points: [epoch 2, epoch 2], patience: null}", "each point once; epoch 2 is listed more than once"),
    ("{augmentation: [flip, flip]}", "each augmentation once; got flip, flip"),
    ("{kept_lr_scale: 0}", "`transfer.training.kept_lr_scale` given with --set: expected greater than 0"),
    ("{target_accuracy: 98.5}", "less than or equal to 1; got 98.5"),
    ("{label_smoothing: 1}", "less than 1"),
    ("{class_weights: balance}", "`balanced`, or a mapping from classes to weights"),
    ("{class_weights: {'5': 0}}", "`transfer.training.class_weights.5` given with --set: expected greater than 0"),
    ("{class_weights: {'5': .inf}}", "`transfer.training.class_weights.5` given with --set: expected a finite number"),
    ("{class_weights: {}}", "at least 1 value"),
    ("{augmentation: [blur]}", "'flip'"),
    ("{patience_watch: loss, patience: null}", "a `patience` and `validate_epochs: all` beside `patience_watch: loss`"),
    ("{restore_best_weights: false, validate_epochs: as_needed}", "which seeks no best epoch; got as_needed"),
    ("{patience_watch: loss, validate_epochs: as_needed}", "got patience 6 and validate_epochs as_needed"),
]


@pytest.mark.parametrize(("training", "message"), REFUSED)
def test_fields_that_do_not_go_together_are_refused_with_the_reason(training, message):
    with pytest.raises(SpecError) as caught:
        study(f"transfer.training={training}")
    assert message in str(caught.value)
    assert "`transfer.training" in str(caught.value)


@pytest.mark.parametrize(
    ("pretraining", "message"),
    [
        ("{class_weights: balanced}", "no class_weights for a source"),
        ("{kept_lr_scale: 0.1}", "no kept_lr_scale for a source, which keeps nothing"),
        ("{log_points: true, patience: null}", "log_points under transfer.training"),
        ("{checkpoints: [epoch 3]}", "`patience: null` and no target_accuracy beside checkpoints at epochs"),
        ("{checkpoints: [epoch 30], patience: null, epochs: 20}", "checkpoints within the 20 epochs; got epoch 30"),
        ("{checkpoints: [batch 0]}", "0 (initial values)"),
        ("{checkpoints: []}", "at least 1"),
        ("{seeds: 0}", "a number of seeds, at least 1"),
        ("{seeds: [1, 1]}", "a list of different seeds"),
    ],
)
def test_what_a_source_cannot_have_is_refused(pretraining, message):
    with pytest.raises(SpecError) as caught:
        study(f"pretraining={pretraining}")
    assert message in str(caught.value)
    assert "`pretraining" in str(caught.value)


def test_points_are_put_in_the_order_of_training():
    spec = study("pretraining={checkpoints: [last, epoch 2, batch 10, 0, batch  3], patience: null}")
    assert spec.pretraining.checkpoints == ["0", "batch 3", "batch 10", "epoch 2", "last"]


def test_log_points_true_are_the_usual_ones():
    spec = study("transfer.training={log_points: true, patience: null}")
    assert spec.transfer.training.log_points == list(LOG_POINTS)
    assert study("transfer.training={log_points: false}").transfer.training.log_points == []


def test_a_number_of_seeds_means_the_first_ones():
    assert study("pretraining.seeds=3").pretraining.seeds == [0, 1, 2]
    assert study("source.seeds=[4, 7]").source[0].seeds == [4, 7]
    assert study("source={random: true, seeds: 2}").source[0].seeds == [0, 1]


def test_a_target_has_no_seeds():
    spec = study("target.seeds=2")
    assert spec.target[0].options == {"seeds": 2}, "an option of the dataset, which refuses it"


def test_a_study_is_written_down_as_it_can_be_read_again():
    spec = study("transfer.training={log_points: true, patience: null, augmentation: flip}", "pretraining.seeds=2")
    again = type(spec).model_validate(spec.model_dump(mode="json", exclude_unset=True))
    assert again.model_dump() == spec.model_dump()
