"""Packages that a study asks for and an installation may lack."""

from __future__ import annotations

from importlib.util import find_spec

from layercut.spec.study import StudySpec

NO_TENSORBOARD = "`tensorboard: true` needs TensorBoard, which is not installed: pip install 'layercut[tensorboard]'"


def require_extras(spec: StudySpec) -> None:
    """Look whether they are there, without importing them.

    Raises:
        SpecError: one of them is not installed.
    """
    if spec.tensorboard and find_spec("tensorboard") is None:
        raise spec.error("tensorboard", NO_TENSORBOARD)
