"""Pictures of the calculus, of training and of models, drawn with matplotlib.

Each function takes numbers from the library's own objects and returns a matplotlib
Figure, or draws on the axes given as ``ax=``. ``theme="dark"``, or a block ``with
plots.use_theme("dark"):``, draws on a dark background. Nothing is shown, no setting of
matplotlib is changed, and pyplot knows nothing of the figures:
``figure.savefig("picture.svg")`` writes one, a notebook shows one, and for a window of
your own give axes made by ``plt.subplots()``.
"""

from .boundary import decision_boundary
from .confusion import confusion_matrix
from .curves import activations, slope
from .descents import animate, descent
from .histograms import activation_histograms, gradient_histograms
from .history import learning_curves
from .landscapes import landscape
from .secants import microscope
from .style import use_theme
from .weights import weights_as_images

__all__ = [
    "activation_histograms",
    "activations",
    "animate",
    "confusion_matrix",
    "decision_boundary",
    "descent",
    "gradient_histograms",
    "landscape",
    "learning_curves",
    "microscope",
    "slope",
    "use_theme",
    "weights_as_images",
]
