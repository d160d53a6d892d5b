"""Keep a few training images of each task, if the study keeps predictions."""

from __future__ import annotations

from collections import defaultdict

from layercut.artifacts.tasks import KeptImages, first_of_each_class, write_images
from layercut.plan.expand import Plan
from layercut.plan.jobs import TaskRef
from layercut.stages.context import RunContext


def keep_images(plan: Plan, context: RunContext) -> None:
    """Write the first training images of each class of each source and target; nothing where no predictions are kept.

    Raises:
        StorageFullError: the disk is full.
    """
    keeping = [condition for condition in plan.conditions if condition.keep and "predictions" in condition.keep.what]
    if not keeping:
        return
    tasks: dict[str, TaskRef] = {}
    names: dict[str, set[str]] = defaultdict(set)
    for condition in keeping:
        tasks[condition.task.label] = condition.task
        names[condition.task.label].add(condition.task.label)
    for job in plan.sources:
        if job.task is not None:
            tasks.setdefault(job.task.label, job.task)
            names[job.task.label] |= {job.label, *(point.label for point in job.points)}
    for label, ref in tasks.items():
        task = context.open_task(ref)
        positions = first_of_each_class(task.train_labels)
        images = task.dataset.train.images[task.train_index[positions]]
        shown = KeptImages(label, frozenset(names[label]), ref.class_names, images, task.train_labels[positions])
        write_images(context.output_dir, shown)
