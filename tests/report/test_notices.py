"""The warnings of a report."""

from layercut.report import StudyFacts
from layercut.report.facts import FailureGroup
from layercut.report.notices import notices
from layercut.stats import best_cuts, contrasts_to_scratch, estimates
from support.fake_results import fake_results


def texts_of(table, facts=None):
    found = notices(table, facts or StudyFacts("x"), estimates(table), contrasts_to_scratch(table), best_cuts(table))
    return {notice.text: notice.details for notice in found}


SOUND = fake_results(fractions=(1.0,), num_replicates=10)


def test_a_sound_study_has_no_warnings():
    assert texts_of(SOUND) == {}


def test_failures_are_counted_by_kind_with_their_messages():
    group = FailureGroup("transfer", "diverged", "the loss became NaN\nsecond line", 3, True)
    facts = StudyFacts("x", failures=(group,))
    assert texts_of(SOUND, facts) == {
        "3 trials failed; means exclude the failed trials.": ("3 × diverged (a final result): the loss became NaN",)
    }


def test_an_unfinished_study_says_how_far_it_is():
    facts = StudyFacts("x", plan={"trials_distinct": 100}, counts={"finished": 40, "failed": {"error": 2}})
    assert any("42 of 100 trials" in text for text in texts_of(SOUND, facts))


def test_unattainable_comparisons_are_listed_with_what_is_needed():
    details = next(
        details for text, details in texts_of(fake_results(fractions=(1.0,), num_replicates=5)).items() if details
    )
    assert (
        "100 % of the data, finetune: 5 replicates, 1 comparison, least p 0.062 after Holm; 6 replicates" in details[0]
    )


def test_few_replicates_and_missing_validation_are_said():
    texts = " ".join(texts_of(fake_results(fractions=(1.0,), num_replicates=3, validation=False)))
    assert "fewer than 5 replicates" in texts
    assert "No validation accuracy at 100 % of the data: no cut is chosen there" in texts


def test_few_validation_images_are_said():
    details = texts_of(fake_results(fractions=(0.1,)))[
        "The choice of a cut rests on few validation images, so it is partly luck."
    ]
    assert details == ("10 % of the data: 10 validation images in each of 10 replicates",)


def test_a_missing_baseline_is_said():
    assert any("Nothing was trained from scratch" in text for text in texts_of(fake_results(strategies=("reinit",))))


def test_a_frozen_trunk_that_changed_is_said():
    table = SOUND.copy()
    table.attrs = SOUND.attrs
    table.loc[3, "frozen_unchanged"] = False
    assert any("frozen trunk changed" in text for text in texts_of(table))


def test_warnings_of_plan_and_import_are_passed_on():
    facts = StudyFacts("x", plan={"warnings": ["classes overlap"]}, imported={"format": "y", "warnings": ["odd"]})
    found = texts_of(SOUND, facts)
    assert "classes overlap" in found
    assert found["The results were imported, not measured by layercut."] == ("odd",)


def test_trainings_that_were_too_short_are_said_by_strategy_and_of_each_comparison():
    table = fake_results(num_blocks=2, strategies=("scratch", "freeze_reinit"), fractions=(1.0,))
    table = table.assign(stop_reason="limit", best_epoch=7.0, num_epochs=12.0)
    assert not any("still improving" in text for text in texts_of(table))
    table.loc[(table["strategy"] == "scratch") & (table["replicate"] < 3), "best_epoch"] = 12.0
    found = {text: details for text, details in texts_of(table).items() if "still improving" in text}
    general, comparison = found
    assert general.startswith("More than 20 % of some trainings")
    assert found[general] == ("100 % of the data, scratch: 3 of 10 trials",)
    assert comparison.startswith(
        "At 100 % of the data the difference between freeze_reinit at cut 1 and scratch may be"
    )
    assert "0 of 10 trials of freeze_reinit at cut 1 and 3 of 10 trials of scratch were" in comparison
