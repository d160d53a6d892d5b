"""Result files of the study "Exploring Layer Freezing in Transfer Learning" (mp-tl-study), in and out."""

from layercut.interop.mp_tl_study.exports import export_study
from layercut.interop.mp_tl_study.imports import Imported, import_files

__all__ = ["Imported", "export_study", "import_files"]
