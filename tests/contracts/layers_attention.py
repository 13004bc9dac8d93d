"""Lines of the table: attention."""

import numpy as np

from contracts.layers import add, numbers
from xpnet import nn
from xpnet.nn import functional

SEEN = np.tril(np.ones((3, 4), dtype=bool), k=1)  # every query sees a key
HIDDEN = ~SEEN
PADDED = np.arange(4) >= np.array([[3], [1]])  # (2, 4): each example keeps one


def attend():
    return functional.scaled_dot_product_attention


THEIRS = "F.scaled_dot_product_attention"
QKV = ((2, 2, 3, 4), (2, 2, 4, 4), (2, 2, 4, 3))

add(
    "attention",
    attend,
    QKV,
    (2, 2, 3, 3),
    THEIRS,
    batch=(0, 0, 0),
    wrong=[
        (((5, 4), (7, 3), (7, 6)), "queries are 4 wide but keys 3"),
        (((5, 4), (7, 4), (6, 6)), "there are 7 keys but 6 values"),
        (((5, 4), (4,), (7, 6)), "each array needs two axes"),
        (((2, 5, 4), (3, 7, 4), (2, 7, 6)), "the leading axes do not broadcast"),
        ((*QKV, (2, 4)), r"attn_mask of shape \(2, 4\) does not broadcast to 3 q"),
        ((*QKV, (3, 1, 3, 4)), r"axes do not broadcast: .*, \(3, 1\)\. They"),
        ((*QKV, (1, 1, 3)), r"attn_mask of shape \(1, 1, 3\)"),
    ],
)
add(
    "attention, causal",
    attend,
    ((2, 1, 5, 4),) * 3,
    (2, 1, 5, 4),
    THEIRS,
    options={"is_causal": True},
    batch=(0, 0, 0),
)
add(
    "attention, causal, more queries than keys",
    attend,
    ((2, 5, 4), (2, 3, 4), (2, 3, 4)),
    (2, 5, 4),
    THEIRS,
    options={"is_causal": True},
    batch=(0, 0, 0),
)
add(
    "attention, causal, more keys than queries, own scale",
    attend,
    QKV,
    (2, 2, 3, 3),
    THEIRS,
    options={"is_causal": True, "scale": 0.3},
    batch=(0, 0, 0),
)
add(
    "attention where a mask says so",
    attend,
    (*QKV, SEEN),
    (2, 2, 3, 3),
    THEIRS,
    batch=(0, 0, 0, None),
)
add(
    "attention with a mask for each example",
    attend,
    (*QKV, np.stack([SEEN, SEEN[:, ::-1]])[:, None]),
    (2, 2, 3, 3),
    THEIRS,
    batch=(0, 0, 0, 0),
)
add(
    "attention with numbers added",
    attend,
    (*QKV, (2, 1, 3, 4)),
    (2, 2, 3, 3),
    THEIRS,
    batch=(0, 0, 0, 0),
)
add(
    "attention with -inf added",
    attend,
    (*QKV, np.where(SEEN, numbers((3, 4)), -np.inf)),
    (2, 2, 3, 3),
    THEIRS,
    batch=(0, 0, 0, None),
    smooth=False,  # the mask is differentiated too, and is infinite
)
add(
    "attention, grouped queries",
    attend,
    ((2, 4, 2, 2), (2, 2, 3, 2), (2, 2, 3, 2)),
    (2, 4, 2, 2),
    THEIRS,
    options={"enable_gqa": True},
    batch=(0, 0, 0),
    wrong=[
        (((2, 5, 5, 4), (2, 3, 7, 4), (2, 3, 7, 4)), "5 query heads cannot share"),
        (((5, 4), (7, 4), (7, 4)), "enable_gqa needs an axis of heads"),
    ],
)
add(
    "attention without leading axes",
    attend,
    ((5, 4), (7, 4), (7, 6)),
    (5, 6),
    THEIRS,
    batch=None,
)

SELF = ((4, 2, 4), (4, 2, 4), (4, 2, 4))
CROSS = ((3, 2, 4), (4, 2, 4), (4, 2, 4))
FIRST = ((2, 3, 4), (2, 4, 4), (2, 4, 4))

add(
    "MultiheadAttention",
    lambda: nn.MultiheadAttention(4, 2, rng=0),
    CROSS,
    [(3, 2, 4), (2, 3, 4)],
    "MultiheadAttention(4, 2)",
    batch=(1, 1, 1),
    out_batch=(1, 0),
    shown="""\
MultiheadAttention(
  4, 2                      in_proj_weight (12, 4), in_proj_bias (12,)  60
  (out_proj): Linear(4, 4)  weight (4, 4), bias (4,)                    20
)
Total: 80 parameters, float64 on cpu""",
    wrong=[
        (((3, 2, 6), *CROSS[1:]), "query is 6 wide but the layer takes 4"),
        (((3, 2, 4), (4, 2, 4), (3, 2, 4)), "keys and values differ in number"),
        (((3, 1, 4), *CROSS[1:]), "queries of 1 examples but keys of 2"),
        (((3, 4), *CROSS[1:]), "three axes each, or two"),
        ((*CROSS, (2, 6)), r"key_padding_mask has shape \(2, 6\); for 4 keys of 2"),
    ],
)
add(
    "MultiheadAttention, batch first, weights of each head",
    lambda: nn.MultiheadAttention(4, 4, batch_first=True, rng=1),
    FIRST,
    [(2, 3, 4), (2, 4, 3, 4)],
    "MultiheadAttention(4, 4, batch_first=True)",
    options={"average_attn_weights": False},
    batch=(0, 0, 0),
)
add(
    "MultiheadAttention without weights",
    lambda: nn.MultiheadAttention(4, 2, rng=2),
    CROSS,
    (3, 2, 4),
    "MultiheadAttention(4, 2)",
    options={"need_weights": False},
    batch=(1, 1, 1),
    out_batch=1,
)
add(
    "MultiheadAttention of one example",
    lambda: nn.MultiheadAttention(4, 2, rng=2),
    ((3, 4), (4, 4), (4, 4)),
    [(3, 4), (3, 4)],
    "MultiheadAttention(4, 2)",
    options={"attn_mask": HIDDEN},
    batch=None,
)
add(
    "MultiheadAttention without bias, with padding",
    lambda: nn.MultiheadAttention(4, 2, bias=False, rng=3),
    (*CROSS, PADDED),
    [(3, 2, 4), (2, 3, 4)],
    "MultiheadAttention(4, 2, bias=False)",
    batch=(1, 1, 1, 0),
    out_batch=(1, 0),
)
add(
    "MultiheadAttention with both masks",
    lambda: nn.MultiheadAttention(4, 2, batch_first=True, rng=3),
    (*FIRST, PADDED),
    (2, 3, 4),
    "MultiheadAttention(4, 2, batch_first=True)",
    options={"need_weights": False, "attn_mask": HIDDEN},
    batch=(0, 0, 0, 0),
)
add(
    "MultiheadAttention with masks of numbers",
    lambda: nn.MultiheadAttention(4, 2, batch_first=True, rng=3),
    (*FIRST, np.where(PADDED, -np.inf, numbers((2, 4)))),
    [(2, 3, 4), (2, 3, 4)],
    "MultiheadAttention(4, 2, batch_first=True)",
    options={"attn_mask": numbers((4, 3, 4))},
    batch=None,  # the mask has all examples and heads on one axis
    smooth=False,  # the mask is differentiated too, and is infinite
)
add(
    "MultiheadAttention, causal",
    lambda: nn.MultiheadAttention(4, 2, rng=4),
    SELF,
    (4, 2, 4),
    "MultiheadAttention(4, 2)",
    options={"need_weights": False, "is_causal": True},
    theirs={
        "need_weights": False,
        "is_causal": True,
        "attn_mask": np.triu(np.ones((4, 4), dtype=bool), k=1),
    },
    batch=(1, 1, 1),
    out_batch=1,
)
add(
    "MultiheadAttention of other widths",
    lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=5, rng=5),
    ((3, 2, 4), (4, 2, 3), (4, 2, 5)),
    [(3, 2, 4), (2, 3, 4)],
    "MultiheadAttention(4, 2, kdim=3, vdim=5)",
    batch=(1, 1, 1),
    out_batch=(1, 0),
)
add(
    "MultiheadAttention with a key and value more",
    lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, rng=6),
    (*CROSS, PADDED),
    [(3, 2, 4), (2, 3, 5)],
    "MultiheadAttention(4, 2, add_bias_kv=True)",
    options={"attn_mask": HIDDEN},
    batch=(1, 1, 1, 0),
    out_batch=(1, 0),
)
add(
    "MultiheadAttention with a key and value of zeros",
    lambda: nn.MultiheadAttention(4, 2, add_zero_attn=True, rng=7),
    SELF,
    [(4, 2, 4), (2, 4, 5)],
    "MultiheadAttention(4, 2, add_zero_attn=True)",
    options={"is_causal": True},
    theirs={"attn_mask": np.triu(np.ones((4, 4), dtype=bool), k=1)},
    batch=(1, 1, 1),
    out_batch=(1, 0),
)
add(
    "MultiheadAttention with both more",
    lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, rng=7),
    CROSS,
    (3, 2, 4),
    "MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)",
    options={"need_weights": False},
    batch=(1, 1, 1),
    out_batch=1,
)
add(
    "MultiheadAttention, grouped queries",
    lambda: nn.MultiheadAttention(4, 4, num_kv_heads=2, batch_first=True, rng=8),
    FIRST,
    (2, 3, 4),
    why="PyTorch's layer has no groups: test_attention.py repeats the heads",
    options={"need_weights": False},
    batch=(0, 0, 0),
    shown="""\
MultiheadAttention(
  4, 4, num_kv_heads=2, batch_first=True  \
in_proj_weight (8, 4), in_proj_bias (8,)  40
  (out_proj): Linear(4, 4)                \
weight (4, 4), bias (4,)                  20
)
Total: 60 parameters, float64 on cpu""",
)
