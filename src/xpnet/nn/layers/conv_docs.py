"""The docstrings of the layers that convolve: the same but for the number of axes."""

from __future__ import annotations

__all__ = ["describe"]

_HEAD = """{line}

    {formula}

    Parameters
    ----------
    in_channels, out_channels : int
        The length of the axis of channels before and after. If `in_channels` is None,
        the first input tells it, and the parameters are made then.
    kernel_size, stride : int or tuple of int
        The size of the kernel, and how far it moves at a step."""

_FORWARD = """
    padding : int, tuple of int, "same" or "valid"
        How many elements are put before and after each axis. ``"same"``, for stride 1,
        gives an output as long as the input; an odd number has one more after than
        before. ``"valid"`` is 0.
    dilation : int or tuple of int
        How far apart the elements of the kernel lie.
    groups : int
        Into how many groups the channels fall; an output sees those of its own group.
    bias : bool
        Whether there is a bias.
    padding_mode : {{"zeros", "reflect", "replicate", "circular"}}
        What the padding is filled with, as in `xp.special.pad`, which calls them
        constant, reflect, edge and wrap."""

_BACK = """
    padding : int or tuple of int
        How many elements are taken away at both ends of each axis.
    output_padding : int or tuple of int
        How many more elements are wanted at the end of each axis; below `stride` or
        `dilation`. ``layer(x, output_size=...)`` chooses it for one call.
    groups : int
        Into how many groups the channels fall; an output sees those of its own group.
    bias : bool
        Whether there is a bias.
    dilation : int or tuple of int
        How far apart the elements of the kernel lie.
    padding_mode : {{"zeros"}}
        No other is possible."""

_TAIL = """
    rng : int or Generator, optional
        Draws the initial values: the weight, then the bias.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.
    init : str or callable, optional
        How the weight starts, a name or function of `xpnet.nn.init`. By default weight
        and bias are uniform in ``±1 / sqrt(fan_in)``, as in PyTorch, where fan_in is
        the second axis of the weight times the size of the kernel.

    Attributes
    ----------
    weight : Array
        Shape ({weight}, {kernel}).
    bias : Array or None
        Shape (out_channels,).

    Raises
    ------
    OptionError
        If an option is not one of the above, or the groups do not divide the channels.

    Notes
    -----
    Input (N, in_channels, {sizes}), output (N, out_channels, {outs}), or both without
    N. An axis of n elements becomes
    ``{length}`` long.
    {source}

    Examples
    --------
    >>> import numpy as np
    >>> layer = {name}(3, 4, 3, {options}, rng=0)
    >>> layer
    {shown}
    >>> layer(np.zeros(({x}), np.float32)).shape
    ({out})
    """

_AXES = {
    1: ("one axis", "L", "k", "L_out"),
    2: ("two axes", "H, W", "kh, kw", "H_out, W_out"),
    3: ("three axes", "D, H, W", "kd, kh, kw", "D_out, H_out, W_out"),
}


def describe(count: int, transposed: bool) -> str:
    """Return the docstring of the layer along `count` axes."""
    axes, sizes, kernel, outs = _AXES[count]
    ones = ", ".join(["1"] * count) + ("," if count == 1 else "")
    twos, threes = ones.replace("1", "2"), ones.replace("1", "3")
    numbers = 4 * 3 * 3**count
    side = ", ".join(["3"] * count)
    if transposed:
        name = f"ConvTranspose{count}d"
        weight, shape = "in_channels, out_channels / groups", f"(3, 4, {side})"
        options, shown = "stride=2", f"stride=({twos})"
        before, after, n_out = 3, 4, 7
        line = f"Spread each element through a kernel: the transpose of `Conv{count}d`."
        formula = (
            "``out[n, o, i · stride + k · dilation - padding] += x[n, c, i] · weight["
            "c, o, k]``\n    for every c, i, k, and then ``+ bias[o]``. It is not an "
            "inverse."
        )
        length = (
            "(n - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1"
        )
        source = 'Zeiler et al., "Deconvolutional networks", CVPR 2010.'
    else:
        name = f"Conv{count}d"
        weight, shape = "out_channels, in_channels / groups", f"(4, 3, {side})"
        options, shown = "padding=1", f"padding=({ones})"
        before, after, n_out = 3, 4, 3
        line = f"Slide a kernel along {axes} and take inner products."
        formula = (
            "``out[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] · x[n, c, i · "
            "stride +\n    k · dilation - padding]``; the kernel is not turned round."
        )
        length = "(n + 2 padding - dilation (kernel - 1) - 1) // stride + 1"
        source = (
            'LeCun et al., "Gradient-based learning applied to document recognition", '
            "1998."
        )
    template = _HEAD + (_BACK if transposed else _FORWARD) + _TAIL
    return template.format(
        line=line,
        formula=formula,
        weight=weight,
        kernel=kernel,
        sizes=sizes,
        outs=outs,
        length=length,
        source=source,
        name=name,
        options=options,
        shown=f"{name}(3, 4, kernel_size=({threes}), {shown})  weight {shape}, bias "
        f"(4,)  {numbers + 4} parameters",
        x=", ".join(["1", str(before), *["3"] * count]),
        out=", ".join(["1", str(after), *[str(n_out)] * count]),
    )
