"""The study behind `benchmarks.surgical`: what its targets change, and how each block is compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks import surgical


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Source and targets as folders."""
    root = tmp_path_factory.mktemp("images")
    surgical.write_images(root)
    return root


def images_of(folder, name):
    return {path.name: path for path in (folder / name).glob("*/*/*.png")}


def test_no_image_of_a_target_is_one_of_the_source(folder):
    source = set(images_of(folder, "source"))
    assert source
    assert not source & set(images_of(folder, "inputs"))
    assert not source & set(images_of(folder, "outputs"))


def test_inputs_are_the_sources_classes_in_other_colours_and_outputs_other_classes_in_its_own(folder):
    classes = {name: {path.parent.name for path in images_of(folder, name).values()} for name in ("source", "inputs")}
    assert classes["source"] == classes["inputs"] == set("01234")
    assert {path.parent.name for path in images_of(folder, "outputs").values()} == set("56789")
    corner = {
        name: np.asarray(Image.open(next(iter(images_of(folder, name).values()))))[0, 0]
        for name in ("source", "inputs")
    }
    assert tuple(corner["source"]) == (0, 0, 0)
    assert tuple(corner["inputs"]) == surgical.PAPER


def test_each_block_is_compared_with_the_head_alone_by_replicate():
    """Block 2 is 10 points above the head in each of eight replicates, block 1 as often below as above."""
    head = [0.5, 0.6, 0.7, 0.8, 0.5, 0.6, 0.7, 0.8]
    rows = []
    for replicate, base in enumerate(head):
        own = {0: base, 1: base + (0.01 if replicate % 2 else -0.01), 2: base + 0.1}
        rows += [("a/inputs", "train_block", cut, replicate, value) for cut, value in own.items()]
        rows += [("a/inputs", "finetune", 2, replicate, base)]
    table = pd.DataFrame(rows, columns=["target", "strategy", "cut", "replicate", "test_accuracy"])
    judged = {row["trained"]: row for row in surgical.judge(table.sample(frac=1, random_state=0))}
    assert judged["head"]["mean"] == pytest.approx(0.65)
    assert judged["block 2"]["difference"] == pytest.approx(0.1)
    assert judged["block 2"]["low"] > 0
    assert judged["block 1"]["low"] < 0 < judged["block 1"]["high"]
    assert "block 2" in surgical.render(list(judged.values()))
