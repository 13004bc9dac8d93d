"""Optimizers: each reads as its formula and is one pass over one flat buffer.

An optimizer moves the parameters it is given into one buffer for each data type and
device, and their gradients into another. The parameters become views of it, so nothing
changes for whoever holds them, and a step costs the same few operations whatever their
number.
"""

from . import schedules
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adam_variants import Adamax, NAdam, RAdam
from .asgd import ASGD
from .averaging import EMA, SWA
from .base import Optimizer
from .clipping import clip_grad_norm_, clip_grad_value_
from .layerwise import LAMB, LARS
from .lbfgs import LBFGS
from .lion import Lion
from .lookahead import Lookahead
from .muon import Muon
from .rmsprop import RMSprop
from .rprop import Rprop
from .sam import SAM
from .scaling import GradScaler
from .schedules import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Schedule,
    SequentialLR,
    StepLR,
    WarmUp,
)
from .sgd import SGD

__all__ = [
    "ASGD",
    "EMA",
    "LAMB",
    "LARS",
    "LBFGS",
    "SAM",
    "SGD",
    "SWA",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "GradScaler",
    "LambdaLR",
    "LinearLR",
    "Lion",
    "Lookahead",
    "MultiStepLR",
    "MultiplicativeLR",
    "Muon",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "PolynomialLR",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rprop",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "WarmUp",
    "clip_grad_norm_",
    "clip_grad_value_",
    "schedules",
]
