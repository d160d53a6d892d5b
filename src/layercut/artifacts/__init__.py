"""What a study keeps besides its records: folders of plain files, one per key. No torch here."""

from layercut.artifacts.reading import KeptTrial, kept_trials
from layercut.artifacts.representations import KeptRepresentations, kept_representations
from layercut.artifacts.tasks import KeptImages, kept_images
from layercut.artifacts.writing import artifact_folder, is_kept, write_artifact

__all__ = [
    "KeptImages",
    "KeptRepresentations",
    "KeptTrial",
    "artifact_folder",
    "is_kept",
    "kept_images",
    "kept_representations",
    "kept_trials",
    "write_artifact",
]
