"""What is said of earlier losses: from the table, at the share that was really done, or nothing."""

from __future__ import annotations

import pytest

from layercut.priors.losses import Loss, loss_at, shipped_losses, write_losses
from layercut.recommending.arms import Arm, Seen
from layercut.recommending.decision import Setting
from layercut.recommending.loss import lost_elsewhere, share_done

ARMS = tuple(Arm(f"ft{number}", "finetune", 4, 4, 1.0, 0.0, 10.0**-number, 10**9) for number in (2, 3, 4, 5))
SETTING = Setting(ARMS, 100, 0.5, {arm.key: 1e-9 * arm.flops for arm in ARMS}, 1)
LOSSES = [Loss(f"s{number}", 20 + number, share, number / 10 + 1 - share) for number in range(10)
          for share in (0.05, 0.2)]  # fmt: skip


def seen(number: int) -> list[Seen]:
    return [Seen(arm.key, 0, 0.9, 0.5, 10.0) for arm in ARMS[:number]]


def test_the_share_is_of_the_seconds_that_all_replicates_of_everything_take() -> None:
    assert share_done(SETTING, seen(1)) == pytest.approx(1 / 12)
    assert share_done(SETTING, seen(2)) == pytest.approx(2 / 12)


def test_the_statement_counts_the_studies_of_the_table_at_the_greatest_share_that_is_not_more() -> None:
    (told,) = lost_elsewhere(SETTING, seen(2), LOSSES)
    assert "Replayed at 5 % on 10 earlier studies of 20 to 29 labelled images" in told
    assert "lost less than 2 points of the best condition's test accuracy in 10 of them" in told
    (more,) = lost_elsewhere(SETTING, seen(1), [loss._replace(points=30.0 if loss.study == "s3" else 0.2)
                                               for loss in LOSSES])  # fmt: skip
    assert "lost less than 0.5 points of the best condition's test accuracy in 9 of them" in more


def test_beyond_what_was_replayed_nothing_is_said() -> None:
    assert not list(lost_elsewhere(SETTING, seen(0), LOSSES))
    assert not list(lost_elsewhere(SETTING, seen(4), LOSSES))
    assert not list(lost_elsewhere(SETTING, seen(2), []))


def test_a_study_that_lost_exactly_so_much_did_not_lose_less() -> None:
    found = loss_at(0.1, [Loss("a", 20, 0.1, 0.5), Loss("b", 20, 0.1, 1.0)])
    assert found is not None
    assert (found.kept, found.points) == (2, 2.0)


def test_the_shipped_table_is_as_the_benchmark_writes_it(tmp_path) -> None:
    write_losses(tmp_path / "losses.csv", shipped_losses())
    assert {loss.share for loss in shipped_losses()} >= {0.05, 0.1}
    again = (tmp_path / "losses.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(again) == len(shipped_losses()) >= 2 * 12
