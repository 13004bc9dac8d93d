"""Lines of the table: normalization."""

from contracts.layers import add
from xpnet import nn

WRONG_1D = [
    (((5, 4),), r"x has 4 channels but the layer has 3 \(x: \(5, 4\)\)\. Channels are"),
    (((5,),), r"BatchNorm1d: x has shape \(5,\); it must be \(N, C\) or \(N, C, L\)"),
]

add(
    "BatchNorm1d",
    lambda: nn.BatchNorm1d(3),
    ((5, 3),),
    (5, 3),
    "BatchNorm1d(3)",
    shown="BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, "
    "track_running_stats=True)  weight (3,), bias (3,), running_mean (3,) buffer, "
    "running_var (3,) buffer, num_batches_tracked () buffer  6 parameters",
    wrong=WRONG_1D,
)
add(
    "BatchNorm1d in training",
    lambda: nn.BatchNorm1d(3),
    ((5, 3),),
    (5, 3),
    "BatchNorm1d(3)",
    train=True,
    batch=None,
    wrong=[(((1, 3),), r"each channel needs more than 1 value, x has shape \(1, 3\)")],
)
add(
    "BatchNorm1d of sequences in training, all batches alike",
    lambda: nn.BatchNorm1d(3, momentum=None, eps=1e-3),
    ((2, 3, 4),),
    (2, 3, 4),
    "BatchNorm1d(3, momentum=None, eps=1e-3)",
    train=True,
    batch=None,
)
add(
    "BatchNorm1d without parameters in training",
    lambda: nn.BatchNorm1d(3, affine=False, momentum=0.3),
    ((4, 3),),
    (4, 3),
    "BatchNorm1d(3, affine=False, momentum=0.3)",
    train=True,
    batch=None,
)
add(
    "BatchNorm1d without running statistics",
    lambda: nn.BatchNorm1d(3, track_running_stats=False),
    ((4, 3),),
    (4, 3),
    "BatchNorm1d(3, track_running_stats=False)",
    shown="BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, "
    "track_running_stats=False)  weight (3,), bias (3,)  6 parameters",
    batch=None,
)
add(
    "BatchNorm2d",
    lambda: nn.BatchNorm2d(3),
    ((2, 3, 4, 2),),
    (2, 3, 4, 2),
    "BatchNorm2d(3)",
    wrong=[(((5, 3),), r"BatchNorm2d: x has shape \(5, 3\); it must be \(N, C, H, W")],
)
add(
    "BatchNorm2d in training",
    lambda: nn.BatchNorm2d(3),
    ((2, 3, 4, 2),),
    (2, 3, 4, 2),
    "BatchNorm2d(3)",
    train=True,
    batch=None,
)
add(
    "BatchNorm3d",
    lambda: nn.BatchNorm3d(2),
    ((2, 2, 2, 1, 3),),
    (2, 2, 2, 1, 3),
    "BatchNorm3d(2)",
)
add(
    "BatchNorm3d in training",
    lambda: nn.BatchNorm3d(2),
    ((2, 2, 2, 1, 3),),
    (2, 2, 2, 1, 3),
    "BatchNorm3d(2)",
    train=True,
    batch=None,
)
add(
    "LayerNorm",
    lambda: nn.LayerNorm(5),
    ((4, 5),),
    (4, 5),
    "LayerNorm(5)",
    shown="LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=True)  "
    "weight (5,), bias (5,)  10 parameters",
    wrong=[
        (((4, 3),), r"layer_norm: x has shape \(4, 3\), and its last axes must be"),
        (((),), r"x has shape \(\)"),
    ],
)
add(
    "LayerNorm of two axes",
    lambda: nn.LayerNorm((3, 4), eps=1e-3),
    ((2, 2, 3, 4),),
    (2, 2, 3, 4),
    "LayerNorm((3, 4), eps=1e-3)",
)
add(
    "LayerNorm without bias",
    lambda: nn.LayerNorm(5, bias=False),
    ((4, 5),),
    (4, 5),
    "LayerNorm(5, bias=False)",
)
add(
    "LayerNorm without parameters",
    lambda: nn.LayerNorm(5, elementwise_affine=False),
    ((4, 2, 5),),
    (4, 2, 5),
    "LayerNorm(5, elementwise_affine=False)",
)
add(
    "LayerNorm of one row",
    lambda: nn.LayerNorm(5),
    ((5,),),
    (5,),
    "LayerNorm(5)",
    batch=None,
)
add(
    "RMSNorm",
    lambda: nn.RMSNorm(5),
    ((4, 5),),
    (4, 5),
    "RMSNorm(5)",
    shown="RMSNorm((5,), eps=None, elementwise_affine=True)  weight (5,)  5 parameters",
    wrong=[(((4, 3),), r"rms_norm: x has shape \(4, 3\), and its last axes must be")],
)
add(
    "RMSNorm with eps of two axes",
    lambda: nn.RMSNorm((2, 5), eps=1e-2),
    ((4, 2, 5),),
    (4, 2, 5),
    "RMSNorm((2, 5), eps=1e-2)",
)
add(
    "RMSNorm without weight",
    lambda: nn.RMSNorm(5, elementwise_affine=False),
    ((4, 5),),
    (4, 5),
    "RMSNorm(5, elementwise_affine=False)",
)
add(
    "GroupNorm",
    lambda: nn.GroupNorm(2, 4),
    ((3, 4, 2, 3),),
    (3, 4, 2, 3),
    "GroupNorm(2, 4)",
    shown="GroupNorm(2, 4, eps=1e-05, affine=True)  weight (4,), bias (4,)  "
    "8 parameters",
    wrong=[
        (((3, 6),), r"GroupNorm: the layer has 4 channels, x has shape \(3, 6\)"),
        (((3,),), r"GroupNorm: the layer has 4 channels, x has shape \(3,\)"),
    ],
)
add(
    "GroupNorm of vectors",
    lambda: nn.GroupNorm(2, 6, affine=False, eps=1e-3),
    ((3, 6),),
    (3, 6),
    "GroupNorm(2, 6, affine=False, eps=1e-3)",
)
add(
    "InstanceNorm1d",
    lambda: nn.InstanceNorm1d(3),
    ((2, 3, 4),),
    (2, 3, 4),
    "InstanceNorm1d(3)",
    shown="InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, "
    "track_running_stats=False)",
    wrong=[
        (((5,),), r"InstanceNorm1d: x has shape \(5,\); it must be \(N, C, L\) or"),
        (((2, 3, 1),), r"more than 1 value, x has shape \(2, 3, 1\)"),
    ],
)
add(
    "InstanceNorm1d with parameters, of one example",
    lambda: nn.InstanceNorm1d(3, affine=True, eps=1e-3),
    ((3, 4),),
    (3, 4),
    "InstanceNorm1d(3, affine=True, eps=1e-3)",
    batch=None,
    wrong=[(((2, 4, 5),), "x has 4 channels but the layer has 3")],
)
add(
    "InstanceNorm1d with running statistics",
    lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True),
    ((2, 3, 4),),
    (2, 3, 4),
    "InstanceNorm1d(3, affine=True, track_running_stats=True)",
)
add(
    "InstanceNorm1d with running statistics in training",
    lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True),
    ((2, 3, 4),),
    (2, 3, 4),
    "InstanceNorm1d(3, affine=True, track_running_stats=True)",
    train=True,
)
add(
    "InstanceNorm2d",
    lambda: nn.InstanceNorm2d(3, affine=True),
    ((2, 3, 4, 2),),
    (2, 3, 4, 2),
    "InstanceNorm2d(3, affine=True)",
)
add(
    "InstanceNorm3d",
    lambda: nn.InstanceNorm3d(2, affine=True, track_running_stats=True, momentum=0.3),
    ((2, 2, 2, 1, 3),),
    (2, 2, 2, 1, 3),
    "InstanceNorm3d(2, affine=True, track_running_stats=True, momentum=0.3)",
    train=True,
)
add(
    "LocalResponseNorm",
    lambda: nn.LocalResponseNorm(3, alpha=0.5),
    ((2, 5, 3),),
    (2, 5, 3),
    "LocalResponseNorm(3, alpha=0.5)",
    shown="LocalResponseNorm(3, alpha=0.5, beta=0.75, k=1.0)",
    wrong=[(((2, 5),), "x needs three axes or more")],
)
add(
    "LocalResponseNorm of an even size",
    lambda: nn.LocalResponseNorm(2, alpha=0.5, beta=0.5, k=2.0),
    ((2, 5, 3, 2),),
    (2, 5, 3, 2),
    "LocalResponseNorm(2, alpha=0.5, beta=0.5, k=2.0)",
)
add(
    "normalize",
    lambda: nn.functional.normalize,
    ((4, 3),),
    (4, 3),
    "F.normalize",
)
add(
    "normalize in the first power along the first axis",
    lambda: nn.functional.normalize,
    ((4, 3),),
    (4, 3),
    "F.normalize",
    options={"p": 1.0, "axis": 0},
    theirs={"p": 1.0, "dim": 0},
    smooth=False,
    batch=None,
)

add(
    "BatchNorm2d without bias in training",
    lambda: nn.BatchNorm2d(3, bias=False),
    ((4, 3, 2, 2),),
    (4, 3, 2, 2),
    "BatchNorm2d(3, bias=False)",
    train=True,
    batch=None,
    shown="BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, "
    "track_running_stats=True, bias=False)  weight (3,), running_mean (3,) buffer, "
    "running_var (3,) buffer, num_batches_tracked () buffer  3 parameters",
)
add(
    "InstanceNorm1d without bias",
    lambda: nn.InstanceNorm1d(3, affine=True, bias=False),
    ((4, 3, 5),),
    (4, 3, 5),
    "InstanceNorm1d(3, affine=True, bias=False)",
)
add(
    "GroupNorm without bias",
    lambda: nn.GroupNorm(2, 4, bias=False),
    ((3, 4, 2),),
    (3, 4, 2),
    "GroupNorm(2, 4, bias=False)",
)
