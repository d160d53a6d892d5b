"""Studies of what somebody has in Python: modules, arrays, datasets; and runs that show themselves."""

from layercut.interactive.run import Run, run
from layercut.interactive.study import study

__all__ = ["Run", "run", "study"]
