"""The images behind the figures of a source's layers: a few of those that the study's probes look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from layercut.artifacts.representations import representations_name
from layercut.features.taps import PIXELS
from layercut.keys import content_key
from layercut.plan.canonical import probe_key
from layercut.plan.jobs import ProbeJob, RepresentationJob
from layercut.spec import StudySpec

REPRESENTATIONS = "representations"
"""Name of all this in `keep.what`."""

MOST_IMAGES = 200
"""More points of a scatter plot lie on top of each other, and more rows of a matrix are no longer seen."""

_FORMAT = 1
"""Version of the format; other versions are computed again."""
_LAYER_FLOPS = 2 * 10**10
"""About what t-SNE of so few images takes, so that progress counts it."""
_SPLITS = ("test", "validation", "train")


def representation_jobs(spec: StudySpec, probes: Sequence[ProbeJob]) -> tuple[RepresentationJob, ...]:
    """Return a job for each source, target and model that is probed; none where the study does not ask for them.

    Each looks at the first replicate of one of the probes' samples: images of the target before those of the source,
    the largest fraction, training images before others.

    Raises:
        SpecError: they are asked for and no probe looks at images.
    """
    if spec.keep is None or REPRESENTATIONS not in spec.keep.what:
        return ()
    looking = [job for job in probes if job.task is not None and job.replicate == 0]
    if not looking:
        raise spec.error(
            f"keep.what[{spec.keep.what.index(REPRESENTATIONS)}]",
            "representations are of the images that probes use: expected `probes`, such as `probes: [rsa]`; got "
            "none that uses images",
        )
    on_target = [job for job in looking if job.dataset == "target"]
    shown = {(job.source_label, job.model.label) for job in on_target}
    elsewhere = [job for job in looking if job.dataset != "target"]
    wanted = [*on_target, *(job for job in elsewhere if (job.source_label, job.model.label) not in shown)]
    samples: dict[tuple[str, str, str], list[ProbeJob]] = {}
    for job in wanted:
        samples.setdefault((job.source_label, job.target, job.model.label), []).append(job)
    return tuple(_job(spec.name, jobs) for jobs in samples.values())


def _job(study: str, jobs: Sequence[ProbeJob]) -> RepresentationJob:
    """Return the job of one source, target and model."""
    chosen = max(jobs, key=lambda job: (job.fraction, _SPLITS.index(job.split), job.most_images))
    reference = next((job.reference for job in jobs if job.reference is not None), None)
    most_images = min(chosen.most_images, MOST_IMAGES)
    sample = dataclasses.replace(chosen, most_images=most_images, reference=reference, probings=())
    looked_at = dict.fromkeys([PIXELS, *(layer for probing in chosen.probings for layer in probing.layers)])
    labels = (sample.source_label, sample.target, sample.model.label)
    probings = [probing.key for probing in chosen.probings]
    return RepresentationJob(
        key=content_key("represent", [_FORMAT, labels, probings, list(looked_at), most_images, reference]),
        name=representations_name(*labels),
        study=study,
        sample=sample,
        layers=tuple(looked_at),
        probe_keys=tuple(probe_key(probing.key, 0, n) for probing in chosen.probings for n in probing.layers),
        flops=chosen.flops // len(chosen.probings) + _LAYER_FLOPS * len(looked_at),
    )
