"""Pictures of our own as SVG: the graph of a computation, and a network's neurons.

Nothing is needed but the library. Each picture follows light and dark pages, has a
title and a description for screen readers, and says nothing by colour alone.
"""

from .graph import graph_svg
from .neurons import network_svg

__all__ = ["graph_svg", "network_svg"]
