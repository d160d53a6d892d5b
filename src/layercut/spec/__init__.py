"""What a study file may say. Nothing here imports torch."""

from layercut.spec.load import Study, load_study, parse_study, shipped_studies
from layercut.spec.model import ModelSpec
from layercut.spec.probes import ProbeSpec
from layercut.spec.strategies import StrategySpec
from layercut.spec.study import ReplicateRule, StudySpec, TransferSpec
from layercut.spec.task import (
    CheckpointSource,
    NormalizationSpec,
    RandomSource,
    SourceSpec,
    SourceTask,
    TargetSpec,
    TaskSpec,
    WeightsSource,
)
from layercut.spec.training import PretrainingSpec, TrainingSpec

__all__ = [
    "CheckpointSource",
    "ModelSpec",
    "NormalizationSpec",
    "PretrainingSpec",
    "ProbeSpec",
    "RandomSource",
    "ReplicateRule",
    "SourceSpec",
    "SourceTask",
    "StrategySpec",
    "Study",
    "StudySpec",
    "TargetSpec",
    "TaskSpec",
    "TrainingSpec",
    "TransferSpec",
    "WeightsSource",
    "load_study",
    "parse_study",
    "shipped_studies",
]
