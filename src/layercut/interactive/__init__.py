"""Studies of objects in Python: modules, arrays, datasets; and runs that display themselves."""

from layercut.interactive.run import Run, run
from layercut.interactive.study import study

__all__ = ["Run", "run", "study"]
