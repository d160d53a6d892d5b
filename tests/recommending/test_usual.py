"""Of which questions the usual choice for a pretrained network is an answer."""

from __future__ import annotations

from typing import Any

import pytest

from layercut.recommending.question import Question
from layercut.spec import StudySpec
from layercut.spec.load import make_study

WEIGHTS = {"weights": "DEFAULT"}


def study(model: str, source: dict[str, Any]) -> StudySpec:
    transfer = {"strategies": ["freeze"], "cuts": [1]}
    content = {"name": "s", "source": source, "target": {"dataset": "digits"}, "model": {"name": model}}
    return make_study(content | {"transfer": transfer})


def question(*studies: StudySpec, with_scratch: bool = False) -> Question:
    named = {"" if len(studies) == 1 else str(number): one for number, one in enumerate(studies)}
    return Question("name", named, {}, {"ants": 12, "bees": 12}, True, with_scratch=with_scratch)


@pytest.mark.parametrize("model", ["timm/resnet18", "torchvision/resnet18"])
def test_a_network_of_a_library_with_weights_has_a_usual_choice(model: str) -> None:
    assert question(study(model, WEIGHTS)).is_of_a_library


def test_untrained_networks_own_ones_several_and_studies_have_none() -> None:
    pretrained = study("timm/resnet18", WEIGHTS)
    assert not question(study("timm/resnet18", {"random": True})).is_of_a_library
    assert not question(study("plain_cnn", {"dataset": "mnist"})).is_of_a_library
    assert not question(pretrained, study("torchvision/resnet18", WEIGHTS)).is_of_a_library
    assert not question(pretrained, with_scratch=True).is_of_a_library
