"""Tables of contrasts and the best cut, computed again with scipy and statsmodels from the raw accuracies."""

import numpy as np
import pytest
from scipy.stats import PermutationMethod, wilcoxon
from statsmodels.stats.multitest import multipletests

from layercut.stats import best_cuts, contrasts_to_scratch, pairwise_contrasts
from support.fake_results import fake_results


def _wide(table):
    return table.pivot(index="replicate", columns=["strategy", "cut"], values="test_accuracy")


def _p(differences):
    every = PermutationMethod(n_resamples=2**8)
    return wilcoxon(np.round(differences, 12), zero_method="pratt", method=every).pvalue


@pytest.fixture(scope="module")
def table():
    return fake_results(fractions=(0.1,), num_replicates=8)


def test_contrasts_to_scratch(table):
    rows, wide = contrasts_to_scratch(table).set_index(["strategy", "cut"]), _wide(table)
    found = rows.loc["freeze_reinit"].loc[[1, 2, 3, 4]]  # at cut 0 it is scratch
    raw = [_p(wide["freeze_reinit", cut] - wide["scratch", 0]) for cut in (1, 2, 3, 4)]
    assert found["p"].tolist() == pytest.approx(raw)
    assert found["p_holm"].tolist() == pytest.approx(multipletests(raw, method="holm")[1].tolist())


def test_pairs_of_cuts(table):
    rows, wide = pairwise_contrasts(table), _wide(table)
    rows = rows[rows["strategy"] == "truncate"]
    raw = [_p(wide["truncate", a] - wide["truncate", b]) for a, b in zip(rows["cut"], rows["other_cut"], strict=True)]
    assert len(rows) == 10
    assert rows["p_holm"].tolist() == pytest.approx(multipletests(raw, method="holm")[1].tolist())


def test_the_set_not_distinguishable_from_the_best(table):
    (best,), wide = best_cuts(table), _wide(table)
    rivals = [*best.indistinguishable, *best.better]
    assert best.point not in rivals
    scores = table.groupby(["strategy", "cut"])["validation_accuracy"].mean()
    named = [(best.strategy, cut) for cut in range(5) if cut != best.cut]
    for strategy in table["strategy"].unique():
        if strategy != best.strategy:
            named.append((strategy, int(scores[strategy].idxmax())))
    own = wide[best.strategy, best.cut]
    once = {tuple(wide[name]): name for name in reversed(named)}  # equal trials are one rival
    once.pop(tuple(own), None)
    reject = multipletests([_p(wide[name] - own) for name in once.values()], method="holm")[0]
    assert best.num_rivals == len(once)
    assert len(best.indistinguishable) == int((~reject).sum())


@pytest.mark.parametrize("num_replicates", [1, 3, 9])
def test_equal_accuracies_differ_in_nothing(num_replicates):
    table = fake_results(fractions=(0.1,), num_replicates=num_replicates)
    table[["test_accuracy", "validation_accuracy"]] = 0.5
    rows = contrasts_to_scratch(table)
    assert set(rows["p"].dropna()) == {1.0}
    assert (rows["mean_difference"] == 0).all()
    assert rows["low"].isna().all() == (num_replicates < 6)
    (best,) = best_cuts(table)
    assert best.better == ()
    assert len(best.indistinguishable) == best.num_rivals
