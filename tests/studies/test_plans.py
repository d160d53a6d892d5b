"""Every shipped study plans without data and network, to the counts that a hand computes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_without_data
from layercut.plan.summary import summarize
from layercut.spec import StudySpec, load_study, shipped_studies


class Counts(NamedTuple):
    """What a plan must count."""

    conditions: tuple[int, int]
    """Nominal, distinct."""
    trials: tuple[int, int]
    sources: int
    probes: int


# Six blocks, so 7 cuts. Names: scratch, and 5 strategies at 7 cuts: 1 + 35 = 36 at each of 5 fractions.
# Distinct: scratch 1 (freeze_reinit 0 and reinit 0 are the same), freeze_reinit 1-6, freeze 1-5 (6 is freeze_reinit 6),
# reinit 1-5, finetune 1 (freeze 0 and reinit 6 are the same), freeze_truncate 0-5 (6 is freeze_reinit 6):
# 1 + 6 + 5 + 5 + 1 + 6 = 24. Replicates 25 + 25 + 20 + 10 + 10 = 90, and a probe job for each sample.
FREEZING = Counts((5 * 36, 5 * 24), (36 * 90, 24 * 90), sources=1, probes=90)

# scratch, and freeze and finetune at two cuts; finetune is the same at both. Ten replicates.
BLOCKS = Counts((1 + 2 + 2, 1 + 2 + 1), (50, 40), sources=1, probes=0)

EXPECTED = {
    # Four blocks: names 1 + 7 strategies x 5 cuts = 36; distinct scratch 1, freeze_reinit 4, freeze 3, reinit 3,
    # finetune 1, freeze_truncate 1-3, truncate 0-3 (4 is finetune), scratch_truncate 1-3 (4 is scratch, 0 truncate 0):
    # 1 + 4 + 3 + 3 + 1 + 3 + 4 + 3 = 22; 2 fractions.
    "digits": Counts((2 * 36, 2 * 22), (576, 352), sources=1, probes=0),
    "mnist-halves": FREEZING,
    "fashion-regular": FREEZING,
    "fashion-random": FREEZING,
    "cifar10-vehicles-animals": FREEZING,
    "cifar10-reverse": FREEZING,
    "cifar10-random": FREEZING,
    "fashion-to-mnist": FREEZING,
    "mnist-to-fashion": FREEZING,
    "cifar10-to-cifar100-shallow": BLOCKS,
    "cifar10-to-cifar100-deep": BLOCKS,
    "cifar10-to-svhn-shallow": BLOCKS,
    "cifar10-to-svhn-deep": BLOCKS,
    # 7 tasks x 10 seeds x 12 checkpoints + 10 random initialisations = 850 sources, one condition and replicate each,
    # one sample for the probes of each; jobs train or make 7 x 10 + 10 of them, and RSA's reference is MNIST's seed 0.
    "convnet-transferability": Counts((850, 850), (850, 850), sources=80, probes=850),
    # Two strategies at three cuts; behind the last of seven blocks they are the same. Ten replicates.
    "vgg16-folders": Counts((2 * 3, 3 + 2), (60, 50), sources=1, probes=10),
    # Pretrained or random x last stage trained or not x optimizer; frozen and random is one of them.
    "resnet50-fashion": Counts((2 * 2 * 2, 8), (80, 80), sources=2, probes=0),
    # Two sources x (scratch + 2 strategies at 6 cuts); scratch is the same for both.
    "yosinski-halves": Counts((2 * (1 + 12), 2 * 12 + 1), (260, 250), sources=2, probes=0),
}


class Documented(NamedTuple):
    """What the table of docs/studies.md says of a study."""

    trials: int
    flops: float


def documented() -> dict[str, Documented]:
    """Read the table: a row may be about several studies, `x-shallow`, `-deep`, and their work then stands in order."""
    found = {}
    for line in (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            titles, _, _, trials, work = (cell.strip() for cell in line.strip("|").split("|"))
            first, *others = re.findall(r"`([^`]+)`", titles)
            names = [first, *(f"{first.rpartition('-')[0]}{other}" if other[0] == "-" else other for other in others)]
            *numbers, unit = work.replace(", ", " ").split()
            amounts = [float(number) * {"TFLOP": 1e12, "PFLOP": 1e15}[unit] for number in numbers]
            amounts = amounts * len(names) if len(amounts) == 1 else amounts
            for name, amount in zip(names, amounts, strict=True):
                found[name] = Documented(int(trials.replace(",", "")), amount)
    return found


SLOW = {"convnet-transferability", "resnet50-fashion", "vgg16-folders"}


def planned(name: str, nowhere: Path) -> tuple[StudySpec, Plan]:
    """Plan a shipped study where there are no data."""
    study = load_study(name)
    return study, plan_without_data(study, nowhere / "data", nowhere / "cache", "float32")


def test_every_shipped_study_is_counted_here_and_documented():
    assert set(EXPECTED) == set(documented()) == set(shipped_studies())


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in EXPECTED])
def test_a_shipped_study_plans_without_data_to_these_counts(name, tmp_path):
    study, plan = planned(name, tmp_path)
    summary = summarize(study, plan)
    counted = Counts(
        (summary["conditions_nominal"], summary["conditions_distinct"]),
        (summary["trials_nominal"], summary["trials_distinct"]),
        len(plan.sources),
        len(plan.probes),
    )
    assert counted == EXPECTED[name]
    told = documented()[name]
    assert told.trials == counted.trials[1]
    assert told.flops == pytest.approx(sum(summary["estimated_flops"].values()), rel=0.1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", shipped_studies())
def test_a_shipped_study_has_the_name_of_its_file_and_says_first_what_it_is(name):
    first = shipped_studies()[name].read_text(encoding="utf-8").splitlines()[0]
    assert load_study(name).name == name
    assert first.startswith("# ")
    assert first.endswith(".")


@pytest.mark.parametrize("name", ["digits", *(n for n in EXPECTED if EXPECTED[n] == FREEZING)])
def test_comparisons_of_every_cut_with_scratch_can_become_significant(name, tmp_path):
    study, plan = planned(name, tmp_path)
    assert summarize(study, plan)["unattainable"] == []
    assert [text for text in plan.warnings if "trainings end after" not in text] == []


def test_the_default_study_has_the_control_of_a_truncated_network():
    assert {"truncate", "scratch_truncate", "scratch"} <= set(load_study("digits").transfer.strategies)


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in SLOW])
def test_only_studies_whose_document_says_so_train_too_short_at_a_fraction_and_their_files_say_it(name, tmp_path):
    _, plan = planned(name, tmp_path)
    short = [text for text in plan.warnings if "trainings end after" in text]
    assert bool(short) == (EXPECTED[name] == FREEZING)
    assert bool(short) == ("too few to converge: the document's protocol" in shipped_studies()[name].read_text("utf-8"))
