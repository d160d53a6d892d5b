"""layercut: how much of a trained network should you keep for your data, and what should you do with the rest?

    from layercut import answers, load_results, load_study, plot, run_study

Names are imported on first use, so that `import layercut` is quick and reading results needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layercut.features.taps import extract_features
    from layercut.inference import load_model, predict
    from layercut.inference.weight_file import read_model
    from layercut.interactive import Run, run, study
    from layercut.model_export import export_model
    from layercut.notebook import answers, best_cuts, plot
    from layercut.recommending.call import recommend
    from layercut.recommending.outcome import read_recommendation
    from layercut.runner import run_study
    from layercut.spec import load_study
    from layercut.stats import compare_strategies, estimates, good_enough, probability_best, rank_groups, scoreboard
    from layercut.stats import compare_studies as compare
    from layercut.stats import contrasts_to_scratch as contrasts
    from layercut.stats.details import load_class_scores, load_sources
    from layercut.stats.pilot_tables import load_pilots
    from layercut.stats.probe_tables import load_probes
    from layercut.stats.tables import load_curves, load_failures, load_results

    __version__: str

__all__ = [
    "Run",
    "answers",
    "best_cuts",
    "compare",
    "compare_strategies",
    "contrasts",
    "estimates",
    "export_model",
    "extract_features",
    "good_enough",
    "load_class_scores",
    "load_curves",
    "load_failures",
    "load_model",
    "load_pilots",
    "load_probes",
    "load_results",
    "load_sources",
    "load_study",
    "plot",
    "predict",
    "probability_best",
    "rank_groups",
    "read_model",
    "read_recommendation",
    "recommend",
    "run",
    "run_study",
    "scoreboard",
    "study",
]

_PLACES = {
    "Run": "layercut.interactive:Run",
    "answers": "layercut.notebook:answers",
    "best_cuts": "layercut.notebook:best_cuts",
    "compare": "layercut.stats:compare_studies",
    "compare_strategies": "layercut.stats:compare_strategies",
    "contrasts": "layercut.stats:contrasts_to_scratch",
    "estimates": "layercut.stats:estimates",
    "export_model": "layercut.model_export:export_model",
    "extract_features": "layercut.features.taps:extract_features",
    "good_enough": "layercut.stats:good_enough",
    "load_class_scores": "layercut.stats.details:load_class_scores",
    "load_curves": "layercut.stats.tables:load_curves",
    "load_failures": "layercut.stats.tables:load_failures",
    "load_model": "layercut.inference:load_model",
    "load_pilots": "layercut.stats.pilot_tables:load_pilots",
    "load_probes": "layercut.stats.probe_tables:load_probes",
    "load_results": "layercut.stats.tables:load_results",
    "load_sources": "layercut.stats.details:load_sources",
    "load_study": "layercut.spec:load_study",
    "plot": "layercut.notebook:plot",
    "predict": "layercut.inference:predict",
    "probability_best": "layercut.stats:probability_best",
    "rank_groups": "layercut.stats:rank_groups",
    "read_model": "layercut.inference.weight_file:read_model",
    "read_recommendation": "layercut.recommending.outcome:read_recommendation",
    "recommend": "layercut.recommending.call:recommend",
    "run": "layercut.interactive:run",
    "run_study": "layercut.runner:run_study",
    "scoreboard": "layercut.stats:scoreboard",
    "study": "layercut.interactive:study",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - `import layercut` stays quick

        return version("layercut")
    if name not in _PLACES:
        raise AttributeError(f"module 'layercut' has no attribute {name!r}; it has {', '.join(sorted(_PLACES))}")
    from layercut.registry import import_object  # noqa: PLC0415 - `import layercut` stays quick

    return import_object(_PLACES[name])


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
