"""Leaves: the arrays that a person wants gradients of, and how they get them."""

from __future__ import annotations

from typing import Any

from ..errors import DTypeError, GradientError, ShapeError
from .array import Array
from .convert import asarray, like, new_leaf
from .tape import Leaf, Node, pull_back

__all__ = [
    "accumulate",
    "backward",
    "get_grad",
    "get_requires_grad",
    "set_grad",
    "set_requires_grad",
]


def get_requires_grad(x: Array) -> bool:
    """Return whether the array is on the tape."""
    return x._node is not None


def set_requires_grad(x: Array, value: bool) -> None:
    """Make a leaf of an array, or take a leaf off the tape."""
    if value == (x._node is not None):
        return
    if value:
        x._node = new_leaf(x)
    elif type(x._node) is not Node:
        x._node = None
    else:
        raise GradientError(
            "requires_grad can only be switched off on a leaf; this array was "
            f"computed by {x._node.row.name}. Use x.detach()."
        )


def get_grad(x: Array) -> Array | None:
    """Return the accumulated gradient of a leaf; None before `backward`."""
    node = x._node
    found: Array | None = node.grad if type(node) is Leaf else None
    return found


def set_grad(x: Array, value: Any) -> None:
    """Set the gradient of a leaf, of its own shape, dtype and device, or None."""
    node = x._node
    if type(node) is not Leaf:
        raise GradientError(
            "only an array made with requires_grad=True has a .grad to set."
        )
    if value is not None:
        value = like(asarray(value), x).detach()
        if value.shape != x.shape:
            raise ShapeError(
                f"grad: has shape {value.shape}, but the array has {x.shape}."
            )
        if value.dtype != x.dtype:
            raise DTypeError(
                f"grad: has dtype {value.dtype}, but the array has {x.dtype}."
            )
    node.grad = value


def backward(
    x: Array,
    gradient: Any = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> None:
    """Add the derivative of this result to the ``.grad`` of every leaf behind it.

    Parameters
    ----------
    gradient : array, optional
        The cotangent, of this array's shape; 1 when the array has one element.
    retain_graph : bool
        Keep the tape for another backward pass instead of releasing it on the way.
    create_graph : bool
        Record the backward pass, so that the gradients can be differentiated.

    Raises
    ------
    GradientError
        If the array is not on the tape, or has several elements and no `gradient`.

    Examples
    --------
    >>> x = asarray(3.0, requires_grad=True)
    >>> (x**2).backward()
    >>> x.grad.item()
    6.0
    """
    node = x._node
    if node is None:
        raise GradientError(
            "backward: this array is not on the tape. Was it computed from an array "
            "made with requires_grad=True, outside no_grad()?"
        )
    if gradient is None:
        if x.size != 1:
            raise GradientError(
                f"backward: a result of shape {x.shape} needs a `gradient` of the "
                "same shape; only one element (a loss) has an obvious one. Reduce it "
                "with xp.sum or xp.mean."
            )
        seed: Any = x._lib.one_like(x.data)
    else:
        seed = like(gradient, x)
        if seed.shape != x.shape:
            raise ShapeError(
                f"backward: gradient has shape {seed.shape}, the result {x.shape}."
            )
        if seed.dtype != x.dtype:
            seed = x._lib.recorded.astype(seed, x.dtype)
        seed = seed if create_graph else seed.data
    if create_graph and not isinstance(seed, Array):
        seed = Array(seed, x._lib)
    found = pull_back(
        [(node, seed)], higher=create_graph, keep=retain_graph or create_graph
    )
    for leaf, g in found.items():
        into = leaf.into
        if into is not None and into.data is g and leaf.grad is None:
            leaf.grad = into  # a rule has written it there already
        elif leaf.declared:
            accumulate(leaf, g)


def accumulate(leaf: Leaf, g: Any) -> None:
    """Add a cotangent (raw, or an Array when it was recorded) to a leaf's gradient."""
    lib = leaf.lib
    if type(g) is Array:
        leaf.grad = g if leaf.grad is None else leaf.grad + g
        return
    into = leaf.into
    if leaf.grad is None and into is not None:
        if g is not into.data:
            into.data[...] = g
        leaf.grad = into
    elif leaf.grad is None:
        leaf.grad = Array(lib.copy(g), lib)
    elif leaf.grad is into:
        into.data += g
    else:
        leaf.grad = Array(leaf.grad.data + g, lib)
