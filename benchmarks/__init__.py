"""Measurements of layercut against published figures and against other ways to do the same work."""
