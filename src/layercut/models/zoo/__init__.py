"""Classifiers of torchvision and timm by name."""
