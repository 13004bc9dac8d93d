"""xpnet."""
from . import xp
from .calculus.array import Array, asarray
from .calculus.transforms import *
from .calculus.tape import no_grad
from .calculus.namespace import namespace
from .backend.device import *
