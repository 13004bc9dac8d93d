"""Lines of the table: what only rearranges."""

from contracts.layers import add
from xpnet import nn

add("Identity", nn.Identity, ((2, 3),), (2, 3), "Identity()", shown="Identity()")
add(
    "Identity with options",
    lambda: nn.Identity(54, unused=0.1),
    ((2, 3),),
    (2, 3),
    "Identity(54, unused=0.1)",
)
add(
    "Unflatten",
    lambda: nn.Unflatten(1, (2, 3)),
    ((4, 6),),
    (4, 2, 3),
    "Unflatten(1, (2, 3))",
    shown="Unflatten(1, (2, 3))",
    wrong=[
        (((4, 5),), r"axis 1 of x has 5 elements, which do not make axes of \(2, 3\)"),
        (((6,),), r"x of shape \(6,\) has no axis 1"),
    ],
)
add(
    "Unflatten with what follows",
    lambda: nn.Unflatten(-2, [2, -1]),
    ((4, 6, 2),),
    (4, 2, 3, 2),
    "Unflatten(-2, (2, -1))",
)
add(
    "PixelShuffle",
    lambda: nn.PixelShuffle(2),
    ((3, 8, 2, 3),),
    (3, 2, 4, 6),
    "PixelShuffle(2)",
    shown="PixelShuffle(upscale_factor=2)",
    wrong=[
        (((3, 6, 2, 3),), "x has 6 channels, which 2² = 4 does not divide"),
        (((2, 3),), "x needs three axes or more"),
    ],
)
add(
    "PixelShuffle of more axes",
    lambda: nn.PixelShuffle(3),
    ((2, 3, 9, 2, 1),),
    (2, 3, 1, 6, 3),
    "PixelShuffle(3)",
)
add(
    "PixelUnshuffle",
    lambda: nn.PixelUnshuffle(3),
    ((2, 2, 6, 9),),
    (2, 18, 2, 3),
    "PixelUnshuffle(3)",
    shown="PixelUnshuffle(downscale_factor=3)",
    wrong=[(((2, 2, 5, 9),), "height 5 and the width 9 must be multiples of 3")],
)
add(
    "PixelUnshuffle of one example",
    lambda: nn.PixelUnshuffle(2),
    ((3, 4, 2),),
    (12, 2, 1),
    "PixelUnshuffle(2)",
    batch=None,
)
add(
    "ChannelShuffle",
    lambda: nn.ChannelShuffle(3),
    ((2, 6, 2, 3),),
    (2, 6, 2, 3),
    "ChannelShuffle(3)",
    shown="ChannelShuffle(groups=3)",
    wrong=[(((2, 4, 2),), "channels in 3 equal groups; its shape is")],
)
for options, out in (
    ("2", (2, 12, 20)),
    ("(3, 2), (2, 1), (1, 2), (1, 3)", (2, 18, 12)),
    ("kernel_size=2, stride=2", (2, 12, 6)),
):
    add(
        f"Unfold({options})",
        lambda options=options: eval(f"nn.Unfold({options})", {"nn": nn}),
        ((2, 3, 6, 5),),
        out,
        f"Unfold({options})",
        wrong=[
            (((2, 3, 1, 1),), "a window covers [25] elements, but axis -2 of x has 1"),
            (((6, 5),), r"needs 4 axes, \(batch, channels, height, width\), or 3"),
        ],
    )
    add(
        f"Fold((6, 5), {options})",
        lambda options=options: eval(f"nn.Fold((6, 5), {options})", {"nn": nn}),
        (out,),
        (2, 3, 6, 5),
        f"Fold((6, 5), {options})",
        wrong=[(((2, 12, 5),), "so x needs the axes"), (((12,),), "so x needs the")],
    )
add(
    "Unfold of one example",
    lambda: nn.Unfold(2),
    ((3, 6, 5),),
    (12, 20),
    "Unfold(2)",
    shown="Unfold(kernel_size=2)",
    batch=None,
)
add(
    "Fold of one example",
    lambda: nn.Fold((6, 5), 2),
    ((12, 20),),
    (3, 6, 5),
    "Fold((6, 5), 2)",
    shown="Fold(output_size=(6, 5), kernel_size=2)",
    batch=None,
)
