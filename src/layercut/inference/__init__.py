"""Kept weights as a model that is ready to use, and its predictions for picture files."""

from layercut.inference.chosen import KeptModel, find_model
from layercut.inference.classifier import Classifier, load_model
from layercut.inference.predicting import Prediction, predict

__all__ = ["Classifier", "KeptModel", "Prediction", "find_model", "load_model", "predict"]
