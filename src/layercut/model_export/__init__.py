"""A kept model as files that other programs open: checked, measured and described."""

from layercut.model_export.export import FORMATS, Exported, export_model

__all__ = ["FORMATS", "Exported", "export_model"]
