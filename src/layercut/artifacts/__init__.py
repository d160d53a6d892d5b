"""What is kept of a trial beside its record: a folder of plain files under the trial's key. No torch here."""

from layercut.artifacts.reading import KeptTrial, kept_trials
from layercut.artifacts.writing import artifact_folder, is_kept, write_artifact

__all__ = ["KeptTrial", "artifact_folder", "is_kept", "kept_trials", "write_artifact"]
