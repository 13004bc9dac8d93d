"""Many cotangents, or many tangents, through the tape together.

A Jacobian pulls one cotangent for each element of a result. Here all of them go through
a node at once: each array of cotangents has a first axis of length n in front of the
axes that it stands for, and so have the tangents of forward mode. Elementwise rules
broadcast over that axis as they are. A rule with an axis is told the one behind it. Any
other rule runs once for each of the n, and the parts are stacked, which is right for
every row and merely slower.
"""

from .walk import pulled_many, pushed_many

__all__ = ["pulled_many", "pushed_many"]
