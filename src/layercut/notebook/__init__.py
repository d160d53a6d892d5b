"""A study in a notebook: answers, tables and figures that display themselves.

Reading results needs no torch.
"""

from layercut.notebook.answers import Answers, answers
from layercut.notebook.plot import Plot, plot
from layercut.notebook.tables import best_cuts

__all__ = ["Answers", "Plot", "answers", "best_cuts", "plot"]
