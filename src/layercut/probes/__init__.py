"""Probes by name. Listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Registry

if TYPE_CHECKING:
    from layercut.probes.base import Probe

PROBES: Registry[Probe] = Registry("probe", {})

__all__ = ["PROBES"]
