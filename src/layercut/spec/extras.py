"""Packages that a study asks for and an installation may lack."""

from __future__ import annotations

from importlib.util import find_spec

from layercut.spec.study import StudySpec

_TRACKERS = {"mlflow": "MLflow", "wandb": "Weights & Biases"}
"""By the key that asks for one, which is also the name of its package and of the extra."""

NO_TENSORBOARD = "`tensorboard: true` needs TensorBoard, which is not installed: pip install 'layercut[tensorboard]'"


def require_extras(spec: StudySpec) -> None:
    """Look whether they are there, without importing them.

    Raises:
        SpecError: one of them is not installed.
    """
    if spec.tensorboard and not _is_installed("tensorboard"):
        raise spec.error("tensorboard", NO_TENSORBOARD)
    for key, name in _TRACKERS.items():
        if getattr(spec, key) and not _is_installed(key):
            raise spec.error(key, f"`{key}: true` needs {name}, which is not installed: pip install 'layercut[{key}]'")


def _is_installed(package: str) -> bool:
    """Return whether a package can be imported; a folder of that name without code is none."""
    found = find_spec(package)
    return found is not None and found.origin is not None
