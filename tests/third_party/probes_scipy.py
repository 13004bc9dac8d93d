"""A call of every SciPy function that SciPy marks as able to take any array library.

They stand in calls_scipy.txt, one on a line, under the module in brackets; the
function is named first where the call does not say it. The inputs are those of
`harness`: x, y any sign; p in (0, 1); q, r positive; t growing; s a signal; k, d
coefficients; m, n matrices; a square; c symmetric; i an image; h one number; w a
rotation vector; o quaternions; v points.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from third_party.harness import Probe

PARTS = (
    ("cluster", "hierarchy"),
    ("cluster", "vq"),
    ("optimize", "elementwise"),
    ("signal", "windows"),
    ("spatial", "transform"),
)
MODULES = """special stats optimize spatial signal integrate interpolate fft ndimage
cluster linalg differentiate constants""".split()

CALLS = Path(__file__).with_name("calls_scipy.txt")


def given(xp: Any, function: Any, *args: Any) -> Any:
    """Call a function that makes an array, in the namespace of the probe."""
    return function(*args) if xp is np else function(*args, xp=xp)


def rigid(w: Any) -> Any:
    """Return the matrix of a translation, of NumPy or of xpnet."""
    import array_api_compat

    xp = array_api_compat.array_namespace(w)
    top = xp.concat([xp.eye(3, dtype=w.dtype), w[:, None]], axis=1)
    return xp.concat([top, xp.asarray([[0.0, 0, 0, 1]])], axis=0)


def rotation_setitem(o: Any, w: Any) -> Any:
    """Write a rotation into others."""
    from scipy.spatial.transform import Rotation

    rotations = Rotation.from_quat(o)
    rotations[0] = Rotation.from_rotvec(w)
    return rotations.as_matrix()


def rigid_setitem(v: Any, w: Any) -> Any:
    """Write a rigid transform into others."""
    from scipy.spatial.transform import RigidTransform

    transforms = RigidTransform.from_translation(v)
    transforms[0] = RigidTransform.from_translation(w)
    return transforms.as_matrix()


def section(q: Any) -> Any:
    """Return a stable filter of second order that depends smoothly on `q`."""
    import array_api_compat

    xp = array_api_compat.array_namespace(q)
    weights = xp.asarray([[1.0, 1, 1, 0, 0.1, 0.05]])
    return q * weights + xp.asarray([[0.0, 0, 0, 1, 0, 0]])


def linkage(m: Any) -> Any:
    """Return a clustering of four points that depends smoothly on `m`."""
    import array_api_compat

    xp = array_api_compat.array_namespace(m)
    rows = [[0.0, 1.0, 0.5, 2.0], [2.0, 3.0, 0.9, 2.0], [4.0, 5.0, 1.6, 4.0]]
    height = xp.asarray([[0.0, 0, 1, 0]]) * (0.01 * m[0, 0])
    return xp.asarray(rows) + height


HELPERS = {
    "given": given,
    "rigid": rigid,
    "rotation_setitem": rotation_setitem,
    "rigid_setitem": rigid_setitem,
    "linkage": linkage,
    "section": section,
    "np": np,
}


def named(line: str, module: str) -> tuple[str, str]:
    """Return the function's full name and the call of a line of the file."""
    label, colon, call = line.partition(": ")
    if not colon or "(" in label or "[" in label:
        label, call = line.split("(", maxsplit=1)[0], f"{module}.{line}"
    if label.partition(".")[0] in ("Rotation", "RigidTransform", "Slerp"):
        return f"scipy.spatial.transform.{label}", call
    return f"scipy.{module}.{label}", call


def probes() -> list[Probe]:
    """Return the probes of SciPy, in the order of the file."""
    found = []
    modules = {name: importlib.import_module(f"scipy.{name}") for name in MODULES}
    for parent, name in PARTS:
        modules[name] = importlib.import_module(f"scipy.{parent}.{name}")
    module = ""
    for line in CALLS.read_text("utf-8").splitlines():
        if line.startswith("["):
            module = line.strip("[]")
        elif line:
            name, call = named(line, module)
            found.append(Probe(name, call, {**modules, **HELPERS}))
    return found


__all__ = ["CALLS", "probes"]
