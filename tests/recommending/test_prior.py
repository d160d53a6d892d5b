"""What earlier studies say of trainings, in decisions: written down when a recommendation begins, kept to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from layercut.errors import UserError
from layercut.priors.belief import Belief, believed
from layercut.priors.table import Gain, gains_hash, shipped_gains
from layercut.recommending.arms import Arm, Seen
from layercut.recommending.decision import Setting, decide, expected_seconds
from support.tiny_recommendation import folder, journal_of, recommend, require_decisions_to_follow

PHOTOGRAPHS = {0: 0.4167, 2: 0.4583, 4: 0.7083, 6: 0.5417, 12: 0.8333, 17: 0.875, 18: 0.7917}
"""Solved heads of an EfficientNet-Lite0 on 24 photographs, by cut: the last blocks' features are not the best."""

NUM_BLOCKS = 18


def arm(strategy: str, cut: int, frozen: float, rate: float | None, flops: int) -> Arm:
    left = cut / NUM_BLOCKS if rate is None else 1.0
    return Arm(f"{strategy}{cut}@{rate}", strategy, cut, NUM_BLOCKS, left, frozen, rate, flops)


HEADS = tuple(arm("linear_probe", cut, cut / NUM_BLOCKS, None, 10**7) for cut in PHOTOGRAPHS)
FROZEN = tuple(
    arm("freeze", cut, cut / NUM_BLOCKS, rate, flops)
    for cut, flops in ((17, 3 * 10**11), (12, 2 * 10**12))
    for rate in (1e-4, 3e-4, 1e-3)
)
SEEN = [Seen(head.key, 0, accuracy, 0.5, 0.5) for head, accuracy in zip(HEADS, PHOTOGRAPHS.values(), strict=True)]


def setting(gains: tuple[Gain, ...]) -> Setting:
    beliefs = {one.key: believed(gains, one, 24) for one in FROZEN}
    return Setting((*HEADS, *FROZEN), 24, 0.5, {arm.key: 3e-11 * arm.flops for arm in FROZEN}, 2, beliefs)


def trained_within(seconds: float, gains: tuple[Gain, ...]) -> list[str]:
    """Return what is trained where every training is as good as the leading head, and what is done again the same."""
    known = setting(gains)
    by_key = {one.key: one for one in SEEN}
    seen, left = list(SEEN), seconds
    while trials := decide(known, seen, left).trials:
        costs = expected_seconds(known, seen)
        left -= max(costs[trial.key] for trial in trials)
        for trial in trials:
            like = by_key.get(trial.key, Seen(trial.key, 0, 0.875, 0.5, costs[trial.key]))
            seen.append(like._replace(replicate=trial.replicate))
    return [one.key for one in seen if one.key not in by_key]


def test_with_few_labels_cheap_trainings_are_tried_although_a_head_on_fewer_blocks_leads() -> None:
    others = tuple(gain for gain in shipped_gains() if not gain.study.startswith("ants-bees"))
    for gains in ((), others):
        trained = trained_within(95.0, gains)
        assert {key for key in trained if key.startswith("freeze17")} == {one.key for one in FROZEN[:3]}


def test_what_earlier_studies_rule_out_is_not_tried() -> None:
    hopeless = tuple(Gain(f"s{number}", 24, "freeze", 1.0, one.frozen, one.rate or 0.0, -0.2, 3, 10**6)
                     for number in range(200) for one in FROZEN)  # fmt: skip
    assert not trained_within(95.0, hopeless)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("noise") / "photos", {"ants": 12, "bees": 12})


def test_a_recommendation_writes_down_what_it_began_with_and_goes_on_with_it(
    noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommend(tmp_path / "run", noise, budget=12.0)
    first = journal_of(tmp_path / "run")
    assert first.prior == gains_hash(shipped_gains())
    assert set(first.beliefs) == {one.key for one in first.arms if not one.solved}
    monkeypatch.setattr("layercut.recommending.call.shipped_gains", lambda: ())
    recommend(tmp_path / "run", noise, budget=60.0)
    later = journal_of(tmp_path / "run")
    assert (later.prior, later.beliefs) == (first.prior, first.beliefs)
    assert len(later.steps) > len(first.steps)
    require_decisions_to_follow(tmp_path / "run")


def test_a_users_own_study_adds_to_what_is_expected(noise: Path, tmp_path: Path) -> None:
    recommend(tmp_path / "earlier", noise, budget=200.0)
    told: list[str] = []
    recommend(tmp_path / "run", noise, budget=20.0, learn_from=[tmp_path / "earlier"])
    found, shipped = journal_of(tmp_path / "run"), journal_of(tmp_path / "earlier")
    assert found.prior != shipped.prior
    assert any(found.beliefs[key] != shipped.beliefs[key] for key in found.beliefs)
    recommend(tmp_path / "earlier", noise, budget=201.0, learn_from=[tmp_path / "run"], tell=told.append)
    assert journal_of(tmp_path / "earlier").beliefs == shipped.beliefs
    assert any("goes on with what earlier studies said when it began" in line for line in told)


def test_a_directory_that_teaches_nothing_is_named(noise: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing-here"):
        recommend(tmp_path / "run", noise, learn_from=[tmp_path / "nothing-here"])


def test_a_recommendation_from_before_knows_of_no_studies() -> None:
    known = setting(())
    unknown = known._replace(beliefs={})
    assert decide(unknown, SEEN, 95.0).trials
    assert all(isinstance(belief, Belief) for belief in known.beliefs.values())
