"""What a study file may say. Nothing here imports torch."""

from layercut.spec.load import load_study, parse_study, shipped_studies
from layercut.spec.model import ModelSpec
from layercut.spec.study import ReplicateRule, StudySpec, TransferSpec
from layercut.spec.task import CheckpointSource, NormalizationSpec, RandomSource, SourceSpec, TaskSpec, WeightsSource
from layercut.spec.training import PretrainingSpec, TrainingSpec

__all__ = [
    "CheckpointSource",
    "ModelSpec",
    "NormalizationSpec",
    "PretrainingSpec",
    "RandomSource",
    "ReplicateRule",
    "SourceSpec",
    "StudySpec",
    "TaskSpec",
    "TrainingSpec",
    "TransferSpec",
    "WeightsSource",
    "load_study",
    "parse_study",
    "shipped_studies",
]
