"""Data: samples with their labels, batches on a device, and data sets to learn with."""

from .dataset import Dataset
from .fetch import load_breast_cancer, load_digits
from .loader import DataLoader
from .toy import blobs, circles, moons, spirals, xor

__all__ = [
    "DataLoader",
    "Dataset",
    "blobs",
    "circles",
    "load_breast_cancer",
    "load_digits",
    "moons",
    "spirals",
    "xor",
]
