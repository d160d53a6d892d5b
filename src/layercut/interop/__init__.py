"""Foreign formats in and out."""

from layercut.interop.mp_tl_study import export_study, import_files

__all__ = ["export_study", "import_files"]
