"""The usual way: torchvision's data set with transforms, a DataLoader, `requires_grad = False`, one loop.

    python -m benchmarks.rivals.plain --job FOLDER --out FILE

All cores through torch's own threads. Whether two loader processes are faster than none is tried first, and
the faster is taken.
"""

from __future__ import annotations

import time
from typing import Any

from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import MNIST

from benchmarks.rivals.loop import evaluate, fit
from benchmarks.rivals.network import build_network, freeze
from benchmarks.rivals.trials import Images, Job, Outcome, Positions, RunTrial, Trial, main


def open_mnist(job: Job) -> tuple[MNIST, MNIST]:
    """Return MNIST's training and test images, normalised on the fly, with the target's labels."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    relabel = {old: new for new, old in enumerate(job.classes)}.__getitem__
    train, test = (MNIST(job.data_dir, train=t, transform=transform, target_transform=relabel) for t in (True, False))
    return train, test


def make_loader(dataset: MNIST, positions: Positions, job: Job, num_workers: int, shuffle: bool) -> DataLoader:
    """Return a loader of some of the images."""
    subset = Subset(dataset, positions.tolist())
    return DataLoader(subset, job.batch_size, shuffle, num_workers=num_workers, persistent_workers=num_workers > 0)


def choose_loader(job: Job, train: MNIST, images: Images) -> dict[str, Any]:
    """Return 0 or 2 as `num_workers`, whichever evaluates the validation images faster, and how long that took."""
    whole = time.perf_counter()
    network = build_network(job.weights, job.depth, 0, len(job.classes))
    seconds = {}
    for num_workers in (0, 2):
        loader = make_loader(train, images.validation, job, num_workers, shuffle=False)
        next(iter(loader))  # loader processes have started
        started = time.perf_counter()
        evaluate(network, loader)
        seconds[num_workers] = time.perf_counter() - started
    best = min(seconds, key=seconds.__getitem__)
    return {"num_workers": best, "choice_seconds": time.perf_counter() - whole}


def prepare(job: Job) -> tuple[RunTrial, dict[str, Any]]:
    """Open the data once; trials follow one another."""
    train_set, test_set = open_mnist(job)
    choices = choose_loader(job, train_set, next(iter(job.images.values())))
    num_workers = choices["num_workers"]
    depth = job.depth

    def run_trial(trial: Trial) -> Outcome:
        images = job.images[trial.replicate]
        network = freeze(build_network(job.weights, depth, trial.cut, len(job.classes)), trial.cut)
        train = make_loader(train_set, images.train, job, num_workers, shuffle=True)
        validation = make_loader(train_set, images.validation, job, num_workers, shuffle=False)
        test = make_loader(test_set, images.test, job, num_workers, shuffle=False)
        result = fit(network, train, validation, job.lr, trial.epochs, job.patience)
        return Outcome(
            len(result.epoch_seconds),
            result.best_epoch,
            result.epoch_seconds,
            evaluate(network, train) if trial.complete else None,
            result.best_accuracy,
            evaluate(network, test) if trial.complete else None,
            *(len(part) for part in images),
        )

    return run_trial, choices


if __name__ == "__main__":
    main(prepare)
