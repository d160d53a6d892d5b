"""PyTorch Lightning with its fine-tuning, early-stopping and checkpoint callbacks; progress bar and logger off.

    pip install -e '.[bench]'
    python -m benchmarks.rivals.lightning_rival --job FOLDER --out FILE

Data as in `plain`: torchvision's data set and DataLoaders.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import BaseFinetuning, Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor

from benchmarks.rivals.network import Network, build_network
from benchmarks.rivals.plain import choose_loader, make_loader, open_mnist
from benchmarks.rivals.trials import Job, Outcome, RunTrial, Trial, main


class Classifier(lightning.LightningModule):
    """A network with its loss, metrics and optimizer."""

    def __init__(self, network: Network, lr: float) -> None:
        super().__init__()
        self.network = network
        self.lr = lr

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        images, labels = batch
        return F.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        self._log_accuracy("validation_accuracy", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_index: int, dataloader_idx: int = 0) -> None:
        self._log_accuracy("accuracy", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam((p for p in self.parameters() if p.requires_grad), lr=self.lr)

    def _log_accuracy(self, name: str, batch: tuple[Tensor, Tensor]) -> None:
        images, labels = batch
        right = (self.network(images).argmax(dim=1) == labels).float()
        self.log(name, right.mean(), on_step=False, on_epoch=True, batch_size=len(labels))


class FrozenTrunk(BaseFinetuning):
    """Keeps the first blocks frozen from the first epoch to the last."""

    def __init__(self, cut: int) -> None:
        super().__init__()
        self.cut = cut

    def freeze_before_training(self, pl_module: Classifier) -> None:
        self.freeze(pl_module.network.blocks[: self.cut], train_bn=False)

    def finetune_function(self, pl_module: Classifier, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        """Never unfreeze."""


class EpochClock(Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: Classifier) -> None:
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Classifier) -> None:
        self.seconds.append(time.perf_counter() - self._started)


def prepare(job: Job) -> tuple[RunTrial, dict[str, Any]]:
    """Open the data once; each trial has a trainer of its own."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    train_set, test_set = open_mnist(job)
    choices = choose_loader(job, train_set, next(iter(job.images.values())))
    num_workers = choices["num_workers"]
    depth = job.depth

    def run_trial(trial: Trial) -> Outcome:
        images = job.images[trial.replicate]
        train = make_loader(train_set, images.train, job, num_workers, shuffle=True)
        train_in_order = make_loader(train_set, images.train, job, num_workers, shuffle=False)
        validation = make_loader(train_set, images.validation, job, num_workers, shuffle=False)
        test = make_loader(test_set, images.test, job, num_workers, shuffle=False)
        classifier = Classifier(build_network(job.weights, depth, trial.cut, len(job.classes)), job.lr)
        with tempfile.TemporaryDirectory() as folder:
            clock = EpochClock()
            watched: dict[str, Any] = {"monitor": "validation_accuracy", "mode": "max"}
            best = ModelCheckpoint(folder, save_weights_only=True, filename="{epoch}", **watched)
            callbacks = [FrozenTrunk(trial.cut), EarlyStopping(patience=job.patience, **watched), best, clock]
            trainer = _trainer(folder, trial.epochs, callbacks)
            trainer.fit(classifier, train, validation)
            accuracy = {}
            if trial.complete:
                loaders = [test, train_in_order]
                tested = trainer.test(classifier, loaders, best.best_model_path, verbose=False, weights_only=True)
                accuracy = {name: value for each in tested for name, value in each.items()}
        return Outcome(
            len(clock.seconds),
            _epoch_of(best.best_model_path),
            clock.seconds,
            accuracy.get("accuracy/dataloader_idx_1"),
            float(best.best_model_score),
            accuracy.get("accuracy/dataloader_idx_0"),
            *(len(part) for part in images),
        )

    return run_trial, {**choices, "lightning": lightning.__version__}


def _trainer(folder: str, epochs: int, callbacks: list[Callback]) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _epoch_of(checkpoint: str) -> int:
    """Return the epoch, from 1, that a checkpoint's file name tells, from 0."""
    return int(Path(checkpoint).stem.partition("=")[2]) + 1


if __name__ == "__main__":
    main(prepare)
