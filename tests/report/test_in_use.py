"""What a chosen model costs in use, and how to get it."""

from dataclasses import replace
from pathlib import Path

from layercut.report.in_use import InUse, use_notes
from layercut.stats import Context
from support.choice import GAIN

PLACE = ("b", "m")
KNOWN = InUse(
    blocks_left={PLACE: {"freeze_reinit": [6] * 7, "freeze_truncate": list(range(7))}},
    milliseconds={PLACE: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75]},
    processor="Fast 1",
    run=Path("runs/my photos"),
    varying=(),
    largest_fraction=0.01,
)
SIZED = replace(GAIN, num_parameters=1200, num_trained_parameters=200)


def test_size_and_speed_are_those_of_the_blocks_that_are_left():
    assert list(use_notes(SIZED, "gain", KNOWN._replace(run=None))) == [
        "In use: 1,200 parameters, 200 of them trained; 0.75 ms an image on one core of Fast 1."
    ]
    smaller = replace(SIZED, strategy="freeze_truncate", num_trained_parameters=1200)
    assert list(use_notes(smaller, "gain", KNOWN._replace(run=None))) == [
        "In use: 1,200 parameters, all of them trained; 0.5 ms an image (the whole model: 0.75) on one core of Fast 1."
    ]


def test_nothing_is_said_of_what_is_not_known():
    unknown = KNOWN._replace(blocks_left={}, milliseconds={}, run=None)
    assert list(use_notes(GAIN, "gain", unknown)) == []


def test_the_command_names_what_the_program_would_not_choose_by_itself():
    (command,) = list(use_notes(GAIN, "gain", KNOWN))[-1:]
    assert command == "To get this model: `layercut export-model 'runs/my photos' -o model`"
    several = KNOWN._replace(varying=("source", "factor_lr"), largest_fraction=1.0)
    one = replace(GAIN, context=Context("a", "b", "m", (("lr", "0.1"),)))
    assert list(use_notes(one, "gain", several))[-1].endswith(
        "-o model --condition source=a --condition factor_lr=0.1 --condition fraction=0.01`"
    )


def test_no_model_is_offered_that_is_not_recommended():
    assert list(use_notes(SIZED, "unclear", KNOWN)) == list(use_notes(SIZED, "chance", KNOWN)) == []
    assert list(use_notes(SIZED, "loss", KNOWN)) == [
        "To get this model: `layercut export-model 'runs/my photos' -o model --condition strategy=scratch`"
    ]
