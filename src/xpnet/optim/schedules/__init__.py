"""Schedules of the learning rate: each reads as the formula of the rate at a step."""

from .base import Schedule
from .combined import ChainedScheduler, SequentialLR, WarmUp
from .cycles import CyclicLR, OneCycleLR
from .decay import CosineAnnealingLR, ExponentialLR, LinearLR, PolynomialLR
from .free import LambdaLR, MultiplicativeLR
from .plateau import ReduceLROnPlateau
from .restarts import CosineAnnealingWarmRestarts
from .stairs import ConstantLR, MultiStepLR, StepLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "WarmUp",
]
