"""The docstrings of the convolutions: the same but for the number of axes."""

from __future__ import annotations

__all__ = ["describe"]

_FORWARD = """Slide a kernel along {axes} of `x` and take inner products.

    ``out[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] · x[n, c, i · stride +
    k · dilation - padding]``, where i and k have {count} number{s} each, and x is 0
    outside.

    Parameters
    ----------
    x : Array
        Shape (N, in, {sizes}), or (in, {sizes}) without a batch.
    weight : Array
        Shape (out, in / groups, {kernel}), as in PyTorch.
    bias : Array, optional
        Shape (out,).
    stride, dilation : int or tuple of int
        How far the kernel moves at a step, and how far apart its elements are.
    padding : int, tuple of int, "same" or "valid"
        How many zeros are put before and after each axis. ``"same"``, for stride 1,
        gives an output as long as the input; an odd number has one more after than
        before. ``"valid"`` is 0.
    groups : int
        Input and output channels form so many groups, and each output sees the inputs
        of its own group. As many groups as channels: a depthwise convolution.

    Returns
    -------
    Array
        Shape (N, out, {outs}), where each axis of n elements becomes
        ``(n + 2 padding - dilation (kernel - 1) - 1) // stride + 1`` long.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or the kernel is longer than the input.
    OptionError
        If an option is not one of the above.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    As in PyTorch and most of the field the kernel is not turned round: strictly, this
    is a cross-correlation. LeCun et al., "Gradient-based learning applied to document
    recognition", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> conv{count}d(np.ones(({x})), np.ones(({w}))).shape
    ({out})
    """

_BACK = """Spread each element of `x` through a kernel: the transpose of `conv{count}d`.

    ``out[n, o, i · stride + k · dilation - padding] += x[n, c, i] · weight[c, o, k]``
    for every c, i, k, and then ``+ bias[o]``. With the same weight and options it is
    how the gradient of `conv{count}d` goes back to its input; it is not an inverse.

    Parameters
    ----------
    x : Array
        Shape (N, in, {sizes}), or (in, {sizes}) without a batch.
    weight : Array
        Shape (in, out / groups, {kernel}), as in PyTorch.
    bias : Array, optional
        Shape (out,).
    stride, dilation : int or tuple of int
        How far apart the kernels of two neighbours lie, and the elements of a kernel.
    padding : int or tuple of int
        How many elements are taken away at both ends of each axis.
    output_padding : int or tuple of int
        How many more elements are wanted at the end of each axis: a convolution with a
        stride gives the same length for several inputs. Below `stride` or `dilation`.
    groups : int
        Into how many groups the channels fall.

    Returns
    -------
    Array
        Shape (N, out, {outs}), where each axis of n elements becomes
        ``(n - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``
        long.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or nothing would be left of an axis.
    OptionError
        If an option is not one of the above.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Zeiler et al., "Deconvolutional networks", CVPR 2010. Dumoulin and Visin, "A guide
    to convolution arithmetic for deep learning", arXiv:1603.07285, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose{count}d(np.ones(({x})), np.ones(({w})), stride=2).shape
    ({out})
    """

_NAMES = {
    1: ("one axis", "L", "k", "L_out"),
    2: ("two axes", "H, W", "kh, kw", "H_out, W_out"),
    3: ("three axes", "D, H, W", "kd, kh, kw", "D_out, H_out, W_out"),
}


def describe(count: int, transposed: bool) -> str:
    """Return the docstring for `count` axes."""
    template = _BACK if transposed else _FORWARD
    axes, sizes, kernel, outs = _NAMES[count]
    shown = [8 - 2 * i for i in range(count)]
    made = [(n - 1) * 2 + 3 if transposed else n - 2 for n in shown]
    shapes = {"x": [2, 3, *shown], "w": [4, 3, *[3] * count], "out": [2, 4, *made]}
    if transposed:
        shapes["w"][:2] = [3, 4]
    text = {key: ", ".join(map(str, value)) for key, value in shapes.items()}
    return template.format(
        axes=axes,
        count=count,
        s="s" if count > 1 else "",
        sizes=sizes,
        kernel=kernel,
        outs=outs,
        **text,
    )
