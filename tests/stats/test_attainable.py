"""Comparisons that no result could make significant."""

from layercut.stats import contrasts_to_scratch, unattainable
from support.fake_results import fake_results


def test_ten_replicates_suffice_for_every_family():
    assert unattainable(contrasts_to_scratch(fake_results(num_replicates=10))) == []


def test_five_replicates_suffice_for_none():
    found = unattainable(contrasts_to_scratch(fake_results(num_replicates=5, fractions=(0.1,))))
    by_strategy = {family.strategy: family for family in found}
    assert by_strategy["finetune"].least_p == 0.0625
    assert by_strategy["finetune"].needed_replicates == 6
    assert by_strategy["freeze"].comparisons == 5
    assert by_strategy["freeze"].replicates == 5


def test_no_reported_p_value_lies_below_the_least_one():
    rows = contrasts_to_scratch(fake_results(num_replicates=7))
    for family in unattainable(rows):
        own = rows[(rows["strategy"] == family.strategy) & (rows["fraction"] == family.fraction)]
        assert (own["p_holm"].dropna() >= family.least_p).all()
