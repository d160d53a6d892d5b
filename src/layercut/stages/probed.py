"""The images and models of a probe job, each loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.data.balanced import balanced_sample
from layercut.data.splits import sample_split
from layercut.data.subset import Task
from layercut.errors import ProbeUndefinedError
from layercut.features.taps import PIXELS, every_tap
from layercut.plan.jobs import ProbeJob
from layercut.plan.source_models import WholeModel, whole_model
from layercut.seeding import derive_seed
from layercut.stages.context import RunContext
from layercut.stages.tap_features import source_features
from layercut.training.device import place_model


def probe_sample(job: ProbeJob, task: Task) -> NDArray[np.int64]:
    """Return the positions of a job's images in the task's training or test images, ascending.

    Raises:
        ProbeUndefinedError: the trials' samples have no validation images.
        DataError: the fraction leaves a class without an image.
    """
    labels = task.test_labels if job.split == "test" else task.train_labels
    seed = derive_seed(job.study_seed, "test sample") if job.split == "test" else job.study_seed
    split = sample_split(
        labels,
        task.num_classes,
        job.fraction,
        job.replicate,
        seed,
        validation="within" if job.split == "test" else job.validation,
        val_split=1e-9 if job.split == "test" else job.val_split,
        class_names=task.class_names,
        num_given=0 if job.split == "test" else task.num_validation,
        groups=None if job.split == "test" else task.groups,
    )
    positions = split.validation if job.split == "validation" else split.train
    if len(positions) == 0:
        raise ProbeUndefinedError(
            f"no class can spare a validation image at fraction {job.fraction:g}: use the training images"
        )
    chosen = balanced_sample(labels[positions], task.num_classes, job.most_images, job.replicate, job.study_seed)
    return positions[chosen]


class Probed:
    """The inputs of one job; a part that cannot be loaded raises when it is accessed."""

    def __init__(self, job: ProbeJob, context: RunContext) -> None:
        self.job = job
        self._context = context

    def prepare(self) -> None:
        """Load everything that can be missing."""
        _ = self.positions, self.source, self.reference

    def names(self) -> list[str]:
        """Return the layers that mean something, in the model's order."""
        taps = every_tap(self.source.model)
        known = self.source.has_head
        return [n for n, module in taps.items() if known or module == PIXELS or module.startswith("blocks.")]

    def features(self, whole: WholeModel | None, layers: list[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield each of these layers of the source or the reference with its activations, in the model's order."""
        if whole is None or not layers:
            return iter(())
        split: Literal["train", "test"] = "test" if self.job.split == "test" else "train"
        is_source = whole is self.source
        return source_features(
            self.job, self._context, whole.model, self.task, split, self.positions, layers, stored=is_source
        )

    @cached_property
    def task(self) -> Task:
        """The task whose images are looked at."""
        if self.job.task is None:
            raise ValueError("expected a job that looks at images; got one that looks at weights")
        return self._context.open_task(self.job.task)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """See `probe_sample`."""
        return probe_sample(self.job, self.task)

    @cached_property
    def labels(self) -> Tensor:
        """Int64 "n"."""
        labels = self.task.test_labels if self.job.split == "test" else self.task.train_labels
        return torch.as_tensor(labels[self.positions])

    @cached_property
    def groups(self) -> Tensor | None:
        """Int64 "n"; None where each image stands alone, as test images do."""
        if self.task.groups is None or self.job.split == "test":
            return None
        return torch.as_tensor(self.task.groups[self.positions])

    @cached_property
    def values(self) -> tuple[dict[str, Tensor], str]:
        """The source's values and their hash."""
        return self._context.open_source(self.job.source)

    @cached_property
    def source(self) -> WholeModel:
        """The source as it was trained."""
        return self._whole(self.values[0], self.job.has_head)

    @cached_property
    def reference(self) -> WholeModel | None:
        """The model trained on the target, where the job compares with it."""
        if self.job.reference is None:
            return None
        return self._whole(self._context.open_source(self.job.reference)[0], has_head=True)

    def _whole(self, values: dict[str, Tensor], has_head: bool) -> WholeModel:
        whole = whole_model(self.job.model, values, has_head)
        return whole._replace(model=place_model(whole.model, self._context.torch_device))
