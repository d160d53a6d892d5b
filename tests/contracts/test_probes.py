"""What every registered probe promises."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from layercut.errors import ProbeUndefinedError
from layercut.probes import PROBES
from layercut.probes.base import Direction, Kind, holds_out
from support.fake_activations import made_up

OF_KIND = {kind: [name for name in PROBES if PROBES[name].kind == kind] for kind in get_args(Kind)}
SEE_FEATURES = [name for kind in ("features", "labels", "pair") for name in OF_KIND[kind]]
SEE_LABELS = [name for kind in ("labels", "output") for name in OF_KIND[kind]]
SEE_IMAGES = [*SEE_FEATURES, *OF_KIND["output"]]
HOLD_OUT = [name for name in PROBES.names() if holds_out(PROBES[name])]

DRAW_AT_RANDOM = {
    "kmeans_clustering", "channel_clustering", "logistic_regression", "intrinsic_dimension", "nleep"
}  # fmt: skip
CORRELATE_UNITS = {"rsa", "rsa_delta", "parc"}
SEE_SINGLE_UNITS = {"channel_clustering", "fisher"}


def scores(name, activations, **options):
    probe = PROBES[name]
    return probe(activations, probe.options(**options))


def better(name, one, other):
    """By how much the probe's first score prefers one result to another."""
    score, direction = next(iter(PROBES[name].directions.items()))
    return (one[score] - other[score]) * (1 if direction == "higher" else -1)


@pytest.mark.parametrize("name", PROBES.names())
def test_declares_kind_directions_and_strict_options(name):
    probe = PROBES[name]
    assert probe.kind in get_args(Kind)
    assert probe.directions
    assert set(probe.directions.values()) <= set(get_args(Direction))
    assert probe.options() == probe.options()
    with pytest.raises(ValidationError):
        probe.options(no_such_option=1)


@pytest.mark.parametrize("name", PROBES.names())
def test_a_list_says_its_kind_and_direction_without_importing_it_and_what_each_option_means(name):
    probe = PROBES[name]
    first = next(iter(probe.directions.values()))
    assert PROBES.traits(name) == {"kind": probe.kind, "better": first}
    assert all(field.description for field in probe.options.model_fields.values())


@pytest.mark.parametrize("shape", [(6, 4, 4), (24,)], ids=["conv", "dense"])
@pytest.mark.parametrize("name", PROBES.names())
def test_gives_every_declared_score_as_a_finite_float(name, shape):
    found = scores(name, made_up(shape=shape))
    assert list(found) == list(PROBES[name].directions)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("name", PROBES.names())
def test_same_activations_and_seed_give_the_same_bits(name):
    activations = made_up(separation=0.3)
    copy = activations._replace(features=activations.features.clone())  # what is remembered has no part in it
    assert scores(name, activations) == scores(name, activations) == scores(name, copy)


@pytest.mark.parametrize("name", sorted(DRAW_AT_RANDOM - {"logistic_regression"}))
def test_another_seed_draws_otherwise(name):
    activations = made_up(separation=0.3)
    assert scores(name, activations) != scores(name, activations._replace(seed=1))


@pytest.mark.parametrize("name", PROBES.names())
def test_writes_to_nothing_that_it_is_given(name):
    activations, untouched = made_up(), made_up()
    scores(name, activations)
    for field in ("features", "labels", "logits", "reference"):
        assert torch.equal(getattr(activations, field), getattr(untouched, field))
    assert all(torch.equal(activations.weights[key], value) for key, value in untouched.weights.items())


@pytest.mark.parametrize("name", PROBES.names())
def test_a_result_is_not_that_of_features_since_overwritten(name):
    activations = made_up()
    scores(name, activations)
    fresh = made_up(seed=1)
    activations.features.copy_(fresh.features)
    changed = fresh._replace(features=activations.features)
    assert scores(name, changed) == scores(name, fresh)


@pytest.mark.parametrize("name", [*SEE_LABELS, *OF_KIND["pair"]])
def test_separable_classes_score_better_than_noise(name):
    assert better(name, scores(name, made_up(separation=3.0)), scores(name, made_up(separation=0.0))) > 0


@pytest.mark.parametrize("name", SEE_LABELS)
def test_shuffled_labels_are_all_alike_and_worse_than_the_true_ones(name):
    activations = made_up(separation=3.0, num_images=90)
    true = scores(name, activations)
    shuffles = []
    for seed in range(3):
        order = torch.randperm(90, generator=torch.Generator().manual_seed(seed))
        shuffles.append(scores(name, activations._replace(labels=activations.labels[order])))
    gaps = [better(name, true, shuffled) for shuffled in shuffles]
    assert min(gaps) > 0
    assert max(gaps) - min(gaps) < 0.35 * max(gaps)


@pytest.mark.parametrize(
    ("name", "score", "chance"),
    [
        ("clustering", "ari", 0.0),
        ("kmeans_clustering", "ari", 0.0),
        ("channel_clustering", "ari_mean", 0.0),
        ("sum_of_squares", "within_to_total", 1 - 2 / 299),
        ("fisher", "eta_squared", 2 / 299),
        ("knn", "accuracy", 1 / 3),
        ("nearest_centroid", "accuracy", 1 / 3),
        ("logistic_regression", "accuracy", 1 / 3),
        ("rsa_delta", "delta", 0.0),
        ("parc", "spearman", 0.0),
        ("nce", "negative_entropy", -math.log(3)),
        ("leep", "log_likelihood", -math.log(3)),
    ],
)
def test_shuffled_labels_give_chance(name, score, chance):
    activations = made_up(separation=1.0, num_images=300)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(5))
    found = scores(name, activations._replace(labels=activations.labels[order]))
    assert found[score] == pytest.approx(chance, abs=0.07)


@pytest.mark.parametrize("name", SEE_IMAGES)
def test_the_order_of_images_does_not_matter(name):
    activations = made_up(separation=1.0)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    moved = activations._replace(
        features=activations.features[order],
        labels=activations.labels[order],
        logits=activations.logits[order],
        reference=activations.reference[order],
    )
    close = {"rel": 0.2, "abs": 0.2} if name in DRAW_AT_RANDOM else {"rel": 1e-6, "abs": 1e-9}
    assert scores(name, moved) == pytest.approx(scores(name, activations), **close)


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
@pytest.mark.parametrize("name", SEE_FEATURES)
def test_the_scale_of_features_does_not_matter(name, factor):
    activations = made_up(separation=1.0)
    scaled = activations._replace(features=factor * activations.features)
    assert scores(name, scaled) == pytest.approx(scores(name, activations), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(SEE_FEATURES) - CORRELATE_UNITS - SEE_SINGLE_UNITS))
def test_turning_the_features_does_not_matter(name):
    activations = made_up(separation=1.0, shape=(20,))
    turn = torch.linalg.qr(torch.randn(20, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).Q
    turned = activations._replace(features=activations.features.double() @ turn)
    found, expected = scores(name, turned), scores(name, activations)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", SEE_LABELS)
def test_a_class_that_does_not_occur_has_no_part(name):
    activations = made_up()
    renumbered = activations._replace(labels=2 * activations.labels + 1, num_classes=7)
    assert scores(name, renumbered) == scores(name, activations)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", SEE_FEATURES)
def test_features_that_are_not_finite_are_refused(name, value):
    activations = made_up()
    activations.features[3, 0, 1, 1] = value
    with pytest.raises(ProbeUndefinedError, match="NaN or infinite"):
        scores(name, activations)


@pytest.mark.parametrize("name", OF_KIND["output"])
def test_outputs_that_are_not_finite_or_not_known_are_refused(name):
    activations = made_up()
    with pytest.raises(ProbeUndefinedError, match="unknown"):
        scores(name, activations._replace(logits=None))
    activations.logits[0, 0] = math.nan
    with pytest.raises(ProbeUndefinedError, match="NaN or infinite"):
        scores(name, activations)


@pytest.mark.parametrize("name", OF_KIND["pair"])
def test_a_pair_needs_another_model_for_the_same_images(name):
    activations = made_up()
    with pytest.raises(ProbeUndefinedError, match="no model to compare with"):
        scores(name, activations._replace(reference=None))
    with pytest.raises(ProbeUndefinedError, match="60 images here, 59"):
        scores(name, activations._replace(reference=activations.reference[1:]))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("name", SEE_FEATURES)
def test_features_that_are_the_same_for_every_image_are_refused(name, value):
    activations = made_up()
    one = made_up(seed=3).features[:1] + 1 if value == 0.1 else torch.full((1, 6, 4, 4), value)
    with pytest.raises(ProbeUndefinedError):
        scores(name, activations._replace(features=one.expand(60, -1, -1, -1).clone()))


@pytest.mark.parametrize("name", HOLD_OUT)
def test_crops_of_one_photograph_do_not_judge_each_other(name):
    photographs = made_up(separation=0.0, num_images=40, num_classes=2, shape=(96,))
    crops = photographs._replace(
        features=photographs.features.repeat_interleave(4, 0), labels=photographs.labels.repeat_interleave(4)
    )
    whole = crops._replace(groups=torch.arange(40).repeat_interleave(4))
    assert scores(name, crops)["accuracy"] > 0.9
    assert scores(name, whole)["accuracy"] < 0.7


@pytest.mark.parametrize("name", HOLD_OUT)
def test_classes_of_one_group_each_are_refused(name):
    activations = made_up()
    with pytest.raises(ProbeUndefinedError, match="of one group"):
        scores(name, activations._replace(groups=activations.labels))


@pytest.mark.parametrize("name", sorted(set(PROBES.names()) - set(HOLD_OUT)))
def test_groups_are_nothing_to_other_probes(name):
    activations = made_up()
    assert scores(name, activations._replace(groups=torch.arange(60) % 7)) == scores(name, activations)


@pytest.mark.parametrize("name", SEE_IMAGES)
def test_one_image_is_refused(name):
    with pytest.raises(ProbeUndefinedError):
        scores(name, among(made_up(), 1))


@pytest.mark.parametrize("name", SEE_LABELS)
def test_one_class_is_refused(name):
    with pytest.raises(ProbeUndefinedError, match="at least two classes"):
        scores(name, made_up()._replace(labels=torch.full((60,), 2)))


@pytest.mark.parametrize("name", OF_KIND["labels"])
def test_one_image_a_class_is_refused(name):
    with pytest.raises(ProbeUndefinedError):
        scores(name, made_up()._replace(labels=torch.arange(60), num_classes=60))


def among(activations, count):
    """Keep the first images."""
    fields = ("features", "labels", "logits", "reference")
    return activations._replace(**{field: getattr(activations, field)[:count] for field in fields})


NUMBER = torch.arange(60)
TWICE = NUMBER % 30
DOUBTFUL = {
    "every image twice": lambda a: a._replace(features=a.features[TWICE], labels=a.labels[TWICE]),
    "three different images": lambda a: a._replace(features=a.features[a.labels], reference=a.reference[a.labels]),
    "one image a class": lambda a: a._replace(labels=torch.arange(60), num_classes=60),
    "a class with one image": lambda a: a._replace(labels=torch.where(NUMBER == 7, 3, a.labels), num_classes=4),
    "more classes than images": lambda a: a._replace(num_classes=100),
    "dead images": lambda a: a._replace(features=a.features * (NUMBER >= 20)[:, None, None, None]),
    "dead class": lambda a: a._replace(features=a.features * (a.labels > 0)[:, None, None, None]),
    "one live unit": lambda a: a._replace(features=a.features * torch.zeros(6, 4, 4).index_fill(0, torch.tensor(2), 1)),
    "one image differs": lambda a: a._replace(features=a.features[[0] * 59 + [1]]),
    "tiny values": lambda a: a._replace(features=a.features * 1e-38),
    "huge values": lambda a: a._replace(features=a.features * 1e37),
    "far off centre": lambda a: a._replace(features=a.features + 1e4),
    "two images": lambda a: among(a, 2),
    "five images": lambda a: among(a, 5),
    "one colour": lambda a: a._replace(features=a.features[:, :1]),
    "one unit": lambda a: a._replace(features=a.features[:, :1, 0, 0], reference=a.reference[:, :1, 0, 0]),
    "certain outputs": lambda a: a._replace(logits=1e30 * a.logits),
    "equal outputs": lambda a: a._replace(logits=torch.zeros(60, 5)),
    "no weights": lambda a: a._replace(weights={"bias": torch.ones(3)}),
    "zero weights": lambda a: a._replace(weights={"weight": torch.zeros(3, 3)}),
    "NaN weights": lambda a: a._replace(weights={"weight": torch.full((3, 3), math.nan)}),
}  # fmt: skip


@pytest.mark.parametrize("case", list(DOUBTFUL))
@pytest.mark.parametrize("name", PROBES.names())
def test_doubtful_input_gives_a_finite_score_or_a_reason(name, case):
    try:
        found = scores(name, DOUBTFUL[case](made_up()))
    except ProbeUndefinedError as error:
        assert str(error)
        return
    assert list(found) == list(PROBES[name].directions)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("case", ["every image twice", "far off centre", "dead images", "more classes than images"])
@pytest.mark.parametrize("name", SEE_IMAGES)
def test_what_real_networks_give_has_a_score(name, case):
    assert scores(name, DOUBTFUL[case](made_up()))
