"""How to name a study and the tool that measured it."""

from __future__ import annotations

from importlib.metadata import version

from layercut.report.facts import StudyFacts

_AUTHORS = "The layercut developers"
_TITLE = "layercut: how much of a trained network should you keep for your data"


def citation(facts: StudyFacts) -> str:
    """Return one sentence for a text: tool, version, study, and the hash that tells its results from others."""
    seed = "" if facts.seed is None else f", seed {facts.seed}"
    measured = "" if facts.imported else f', version {_version(facts)}, study "{facts.name}"{seed}'
    return f"{_AUTHORS}. {_TITLE}{measured}. Records hash {facts.records_hash[:16]}."


def bibtex(facts: StudyFacts) -> str:
    """Return an entry for a bibliography."""
    return (
        "@software{layercut,\n"
        f"  author = {{{{{_AUTHORS}}}}},\n"
        f"  title = {{{_TITLE}}},\n"
        f"  version = {{{_version(facts)}}}\n"
        "}"
    )


def _version(facts: StudyFacts) -> str:
    versions = sorted({environment.layercut_version for environment in facts.environments})
    return ", ".join(versions) or version("layercut")
