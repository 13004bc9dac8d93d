"""The pages of the lab, in the order of the guides: one line each."""

from ..page import Page
from .code import Code
from .descent import Descent
from .image import Image
from .network import Network
from .neuron import Neuron
from .slope import Slope

__all__ = ["PAGES"]

PAGES: tuple[type[Page], ...] = (Slope, Descent, Neuron, Network, Image, Code)
