"""A study's recommended treatment as code for another framework."""

from layercut.recipes.code import FRAMEWORKS, recipe

__all__ = ["FRAMEWORKS", "recipe"]
