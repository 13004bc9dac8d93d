"""Functions that the standard lacks and networks need, differentiable too."""

from ..calculus import namespace as _namespace  # noqa: F401 - fills the table
from ..calculus.rule import TABLE

expit = TABLE["expit"].function
log_expit = TABLE["log_expit"].function
log_softmax = TABLE["log_softmax"].function
logsumexp = TABLE["logsumexp"].function
relu = TABLE["relu"].function
softmax = TABLE["softmax"].function

__all__ = ["expit", "log_expit", "log_softmax", "logsumexp", "relu", "softmax"]
