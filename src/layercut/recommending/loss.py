"""What such a recommendation may have lost: said from studies that were replayed at the same share of the work."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from layercut.figures import words
from layercut.priors.losses import Loss, loss_at
from layercut.recommending.arms import Seen
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.decision import Setting, expected_seconds


def share_done(setting: Setting, seen: Sequence[Seen]) -> float:
    """Return the share of the seconds that all trials of all arms are expected to take, that was spent on trials."""
    whole = MOST_REPLICATES * math.fsum(expected_seconds(setting, seen).values())
    return math.fsum(one.seconds for one in seen) / whole if whole else 0.0


def lost_elsewhere(setting: Setting, seen: Sequence[Seen], losses: Sequence[Loss]) -> Iterator[str]:
    """Yield what recommendations lost in earlier studies at this share; nothing where none was replayed there."""
    share = share_done(setting, seen)
    found = loss_at(share, losses)
    if found is not None:
        yield (
            f"That is {words.percent(share, 0)} of the time that all trials would take. Replayed at "
            f"{words.percent(found.share, 0)} on {words.count(found.studies, 'earlier study', 'earlier studies')} of "
            f"{found.least_images:,} to {found.most_images:,} labelled images, mostly with small models, a "
            f"recommendation lost less than {found.points:g} points of the best condition's test accuracy in "
            f"{found.kept} of them."
        )
