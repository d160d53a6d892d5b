"""Models of timm on a folder of photographs, as a script trains them: a plain loop, and PyTorch Lightning.

Both read JPEG files through torchvision's `ImageFolder` and a `DataLoader`, train on one thread, validate each epoch
and test once. What is frozen is so with `requires_grad` and in eval mode, so it has no backward pass.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import timm
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import BaseFinetuning, Callback
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2


class Setting(NamedTuple):
    """What is trained, and how."""

    folder: Path
    """With `train`, `val` and `test`, each with one folder a class."""
    model: str
    image_size: int
    batch_size: int
    lr: float
    epochs: int
    """Of the frozen trial."""


class Timed(NamedTuple):
    """What something took."""

    seconds: float
    cpu_seconds: float


class Stopwatch:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Timed:
        """Return the time so far."""
        return Timed(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def plain_epoch(setting: Setting) -> Timed:
    """Time one epoch of training everything, with its validation."""
    model, optimizer = _trained(setting, frozen=False)
    training, validation = _loader(setting, "train"), _loader(setting, "val")
    watch = Stopwatch()
    _train(model, optimizer, training, frozen=False)
    _accuracy(model, validation)
    return watch.read()


def plain_frozen(setting: Setting) -> Timed:
    """Time a whole trial of a new head on a frozen model: building, epochs, validation, test."""
    watch = Stopwatch()
    model, optimizer = _trained(setting, frozen=True)
    training, validation, test = (_loader(setting, split) for split in ("train", "val", "test"))
    best, best_accuracy = {}, -1.0
    for _ in range(setting.epochs):
        _train(model, optimizer, training, frozen=True)
        accuracy = _accuracy(model, validation)
        if accuracy > best_accuracy:
            best = {name: value.clone() for name, value in model.get_classifier().state_dict().items()}
            best_accuracy = accuracy
    model.get_classifier().load_state_dict(best)
    _accuracy(model, test)
    return watch.read()


def lightning_epoch(setting: Setting) -> Timed:
    """Time one epoch of training everything, with its validation, from the callback of its start to that of its end."""
    clock = _EpochClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder, 1, [clock])
        trainer.fit(_Classifier(setting), _loader(setting, "train"), _loader(setting, "val"))
    return clock.timed[0]


def lightning_frozen(setting: Setting) -> Timed:
    """Time a whole trial of a new head on a frozen model: building, epochs, validation, test."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        trainer, classifier = _trainer(folder, setting.epochs, [_FrozenModel()]), _Classifier(setting)
        trainer.fit(classifier, _loader(setting, "train"), _loader(setting, "val"))
        trainer.test(classifier, _loader(setting, "test"), verbose=False)
    return watch.read()


def _trained(setting: Setting, frozen: bool) -> tuple[Any, torch.optim.Optimizer]:
    model: Any = timm.create_model(setting.model, num_classes=2)
    if frozen:
        model.requires_grad_(False)
        model.get_classifier().requires_grad_(True)
    return model, torch.optim.Adam((one for one in model.parameters() if one.requires_grad), lr=setting.lr)


def _loader(setting: Setting, split: str) -> DataLoader[Any]:
    side = [setting.image_size, setting.image_size]
    steps = [v2.Resize(side), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    images = ImageFolder(str(setting.folder / split), v2.Compose(steps))
    return DataLoader(images, setting.batch_size, shuffle=split == "train")


def _train(model: Any, optimizer: torch.optim.Optimizer, loader: DataLoader[Any], frozen: bool) -> None:
    model.train(not frozen)
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.inference_mode()
def _accuracy(model: Any, loader: DataLoader[Any]) -> float:
    model.eval()
    right = [(model(images).argmax(dim=1) == labels).sum().item() for images, labels in loader]
    return sum(right) / len(loader.dataset)  # type: ignore[arg-type]


class _Classifier(lightning.LightningModule):
    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.model: Any = timm.create_model(setting.model, num_classes=2)
        self.lr = setting.lr

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        return F.cross_entropy(self.model(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        self._log(batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        self._log(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam((one for one in self.parameters() if one.requires_grad), lr=self.lr)

    def _log(self, batch: tuple[Tensor, Tensor]) -> None:
        right = (self.model(batch[0]).argmax(dim=1) == batch[1]).float().mean()
        self.log("accuracy", right, on_step=False, on_epoch=True, batch_size=len(batch[1]))


class _FrozenModel(BaseFinetuning):
    """Keeps all but the classifier frozen from the first epoch to the last."""

    def freeze_before_training(self, pl_module: lightning.LightningModule) -> None:
        model: Any = pl_module.model
        self.freeze(model, train_bn=False)
        self.make_trainable(model.get_classifier())

    def finetune_function(
        self, pl_module: lightning.LightningModule, epoch: int, optimizer: torch.optim.Optimizer
    ) -> None:
        """Never unfreeze."""


class _EpochClock(Callback):
    def __init__(self) -> None:
        self.timed: list[Timed] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._watch = Stopwatch()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.timed.append(self._watch.read())


def _trainer(folder: str, epochs: int, callbacks: list[Callback]) -> lightning.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    return lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
