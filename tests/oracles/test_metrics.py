"""What a study may choose by, against scikit-learn: the same numbers, classes without images included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from layercut.metrics import ACCURACY, chance, count_classes, effective_images, pooled

LABELLED = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true", "ignore:A single label was found")
@given(LABELLED)
def test_all_three_are_exactly_scikit_learns(pairs):
    labels, predictions = np.array(pairs).T
    expected = (
        accuracy_score(labels, predictions),
        balanced_accuracy_score(labels, predictions),
        f1_score(labels, predictions, average="macro"),
    )
    assert count_classes(labels, predictions, 5).scores() == expected


def test_a_class_without_images_counts_only_where_it_was_predicted_and_only_in_f1():
    labels, never, named = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), np.array([0, 0, 1, 2])
    assert count_classes(labels, never, 3).scores().balanced_accuracy == 0.75
    assert count_classes(labels, never, 3).scores() == count_classes(labels, never, 2).scores()
    assert count_classes(labels, named, 3).scores().balanced_accuracy == 0.75
    assert count_classes(labels, named, 3).scores().macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)


@given(LABELLED, LABELLED)
def test_folds_are_scored_as_one_set_of_predictions(first, second):
    parts = [count_classes(*np.array(pairs).T, 5) for pairs in (first, second)]
    assert pooled(parts) == count_classes(*np.array([*first, *second]).T, 5)


def test_chance_is_what_guessing_without_a_look_gives():
    counts, generator = [35_000, 10_000, 5_000], np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], counts)
    nothing = np.zeros((len(labels), 1))

    def guessed(strategy, score):
        draws = range(5) if strategy != "most_frequent" else range(1)
        models = (DummyClassifier(strategy=strategy, random_state=draw).fit(nothing, labels) for draw in draws)
        return np.mean([score(labels, model.predict(nothing)) for model in models])

    def macro_f1(labels, predictions):
        return f1_score(labels, predictions, average="macro", zero_division=0.0)

    assert chance("accuracy", counts) == guessed("most_frequent", accuracy_score)
    assert chance("balanced_accuracy", counts) == pytest.approx(guessed("most_frequent", balanced_accuracy_score))
    assert chance("macro_f1", counts) == pytest.approx(guessed("stratified", macro_f1), abs=0.003)
    others = [guessed("most_frequent", macro_f1), guessed("uniform", macro_f1)]
    others += [macro_f1(labels, generator.choice(3, len(labels), p=p)) for p in generator.dirichlet([1, 1, 1], 60)]
    assert max(others) < chance("macro_f1", counts) + 0.01, "no way of guessing gives more"


def test_chance_counts_the_classes_that_have_test_images():
    assert chance("balanced_accuracy", [5, 0, 5]) == 0.5
    assert np.isnan(chance(ACCURACY, [0, 0]))


def test_a_mean_of_recalls_varies_as_a_share_of_the_effective_number_of_images_does():
    counts, recall, generator = [80, 20, 10], 0.7, np.random.default_rng(0)
    recalls = np.mean([generator.binomial(count, recall, 20_000) / count for count in counts], axis=0)
    assert recalls.var() == pytest.approx(recall * (1 - recall) / effective_images(counts), rel=0.03)
    assert effective_images([30, 30, 30]) == pytest.approx(90)
