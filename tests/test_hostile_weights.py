"""Files of weights that are no plain numbers are refused in a line, before they take memory."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from layercut import load_model
from layercut.checkpoints import load_foreign_weights, save_checkpoint
from layercut.errors import CheckpointError, DataError, UserError

UNUSUAL: dict[str, tuple[Callable[[], torch.Tensor], str]] = {
    "sparse": (lambda: torch.eye(4).to_sparse(), "a sparse tensor"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(3, 3), 0.1, 0, torch.quint8), "a quantized tensor"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "a nested tensor"),
    "meta": (lambda: torch.empty(3, device="meta"), "without values"),
    "view": (lambda: torch.zeros(1).expand(2**40), "a view of 1,099,511,627,776 values"),
}


@pytest.mark.parametrize(("make", "said"), UNUSUAL.values(), ids=UNUSUAL)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, make: Any, said: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, about the kinds themselves
        torch.save({"weight": make()}, tmp_path / "w.pth")
        with pytest.raises(CheckpointError, match=said):
            load_foreign_weights(tmp_path / "w.pth")


def test_a_compressed_archive_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"weight": torch.zeros(2**20)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match=r"compressed archive that unpacks to 4,19\d,\d+ bytes"):
        load_foreign_weights(tmp_path / "w.pth")


CARD: dict[str, Any] = {
    **dict.fromkeys(["source", "target", "model", "strategy"], "x"),
    "cut": 1,
    "fraction": 1.0,
    "replicate": 0,
    "kept": ["weights"],
    "class_names": ["a", "b"],
    "build": {
        "name": "plain_cnn",
        "options": {"depth": 2, "channels": 8},
        "image_shape": [1, 8, 8],
        "num_blocks": 2,
        "feature_shape": [8, 4, 4],
        "mean": [0.0],
        "std": [1.0],
    },
}


@pytest.mark.parametrize(
    "card",
    [
        [],
        {name: value for name, value in CARD.items() if name != "build"},
        {**CARD, "build": {"name": "plain_cnn"}},
        {**CARD, "build": {**CARD["build"], "options": {"depth": 2, "channels": 30_000}}},
        {**CARD, "build": {**CARD["build"], "options": {"depth": "x"}}},
    ],
    ids=["a list", "no build", "half a build", "a model of gigabytes", "no number"],
)
def test_a_card_that_describes_no_model_is_refused(tmp_path: Path, card: Any) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card), encoding="utf-8")
    save_checkpoint(tmp_path / "model.safetensors", {"weight": torch.zeros(2)})
    with pytest.raises((CheckpointError, DataError)) as refused:
        load_model(tmp_path)
    assert isinstance(refused.value, UserError)
    assert str(tmp_path) in str(refused.value)
