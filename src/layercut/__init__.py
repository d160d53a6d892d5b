"""layercut: how much of a trained network should you keep for your data, and what should you do with the rest?

    from layercut import load_study, run_study, load_results

Names are imported on first use, so that `import layercut` is quick and reading results needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layercut.features.taps import extract_features
    from layercut.probing import load_model
    from layercut.runner import run_study
    from layercut.spec import load_study
    from layercut.stats import load_probes, load_results, scoreboard

__all__ = ["extract_features", "load_model", "load_probes", "load_results", "load_study", "run_study", "scoreboard"]

_PLACES = {
    "extract_features": "layercut.features.taps:extract_features",
    "load_results": "layercut.stats:load_results",
    "load_model": "layercut.probing:load_model",
    "load_probes": "layercut.stats:load_probes",
    "load_study": "layercut.spec:load_study",
    "run_study": "layercut.runner:run_study",
    "scoreboard": "layercut.stats:scoreboard",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'layercut' has no attribute {name!r}; it has {', '.join(sorted(_PLACES))}")
    from layercut.registry import import_object  # noqa: PLC0415 - `import layercut` stays quick

    return import_object(_PLACES[name])


def __dir__() -> list[str]:
    return sorted(__all__)
