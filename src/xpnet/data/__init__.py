"""Data: samples with their labels, batches on a device, and data sets to learn with."""

from . import image
from .dataset import Dataset
from .fetch import load_breast_cancer, load_digits
from .loader import DataLoader
from .photographs import image_folder, photo_patches
from .toy import blobs, circles, moons, spirals, xor

__all__ = [
    "DataLoader",
    "Dataset",
    "blobs",
    "circles",
    "image",
    "image_folder",
    "load_breast_cancer",
    "load_digits",
    "moons",
    "photo_patches",
    "spirals",
    "xor",
]
