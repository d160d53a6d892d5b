"""What is kept of a trial beside its record: a folder of plain files under the trial's key. No torch here."""

from layercut.artifacts.reading import KeptTrial, kept_trials
from layercut.artifacts.tasks import KeptImages, kept_images
from layercut.artifacts.writing import artifact_folder, is_kept, write_artifact

__all__ = [
    "KeptImages",
    "KeptTrial",
    "artifact_folder",
    "is_kept",
    "kept_images",
    "kept_trials",
    "write_artifact",
]
