"""Switching merging off changes how often trials run, and nothing else."""

from __future__ import annotations

import argparse

from benchmarks.merging import merging_switched_off, study_text

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_with_data
from layercut.spec import parse_study


def expanded() -> Plan:
    asked = argparse.Namespace(weights=None, channels=8, fraction=None, replicates=1, epochs=1)
    return plan_with_data(parse_study(study_text(asked)), default_data_dir(), default_cache_dir(), "float32").plan


def test_switched_off_every_design_point_is_a_condition_and_afterwards_equal_ones_merge_again() -> None:
    with merging_switched_off():
        separate = expanded()
    assert len(separate.names) == len(separate.conditions) == 36
    merged = expanded()
    assert len(merged.names) == 36
    assert len(merged.conditions) == 24
    assert set(merged.feature_sets) == set(separate.feature_sets)
