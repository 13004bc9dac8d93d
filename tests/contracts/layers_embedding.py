"""Lines of the table: embeddings."""

import numpy as np

from contracts.layers import add
from xpnet import nn

ids = np.array([[1, 0, 4, 1], [2, 2, 5, 0]])
flat_ids = np.array([1, 0, 4, 1, 2, 2, 5, 0])
offsets = np.array([0, 3, 3, 4])

add(
    "Embedding",
    lambda: nn.Embedding(6, 3, rng=0),
    (ids,),
    (2, 4, 3),
    "Embedding(6, 3)",
    shown="Embedding(6, 3)  weight (6, 3)  18 parameters",
)
add(
    "Embedding of one axis",
    lambda: nn.Embedding(6, 3, rng=0),
    (flat_ids,),
    (8, 3),
    "Embedding(6, 3)",
)
add(
    "Embedding of one index",
    lambda: nn.Embedding(6, 3, rng=0),
    (np.array(4, dtype=np.int32),),
    (3,),
    "Embedding(6, 3)",
    batch=None,
)
add(
    "Embedding with padding",
    lambda: nn.Embedding(6, 3, padding_idx=-5, rng=0),
    (ids,),
    (2, 4, 3),
    "Embedding(6, 3, padding_idx=-5)",
    smooth=False,  # the row of padding has a value and no derivative
    shown="Embedding(6, 3, padding_idx=1)  weight (6, 3)  18 parameters",
)
add(
    "Embedding that divides by the frequency",
    lambda: nn.Embedding(6, 3, scale_grad_by_freq=True, rng=0),
    (ids,),
    (2, 4, 3),
    "Embedding(6, 3, scale_grad_by_freq=True)",
    smooth=False,  # its gradient is not the derivative
)
add(
    "Embedding with a largest norm",
    lambda: nn.Embedding(6, 3, max_norm=1.5, rng=0),
    (ids,),
    (2, 4, 3),
    "Embedding(6, 3, max_norm=1.5)",
    smooth=False,  # the table is changed apart from the tape
    batch=None,
)
add(
    "Embedding with a largest sum",
    lambda: nn.Embedding(6, 3, None, 1.5, 1.0, rng=0),
    (ids,),
    (2, 4, 3),
    "Embedding(6, 3, max_norm=1.5, norm_type=1.0)",
    smooth=False,
    batch=None,
    shown="Embedding(6, 3, max_norm=1.5, norm_type=1.0)  weight (6, 3)  18 parameters",
)

for mode in ("mean", "sum", "max"):
    add(
        f"EmbeddingBag: {mode}",
        lambda mode=mode: nn.EmbeddingBag(6, 3, mode=mode, rng=0),
        (ids,),
        (2, 3),
        f"EmbeddingBag(6, 3, mode='{mode}')",
        wrong=[
            ((np.zeros((1, 2, 3), int),), r"are neither \(B, N\) nor \(n,\)"),
            ((np.zeros(3, int),), "need offsets, one for each bag"),
            ((ids, offsets), "need no offsets: each row is a bag"),
            ((flat_ids, np.zeros((2, 2), int)), r"offsets have shape \(2, 2\)"),
        ],
    )
    add(
        f"EmbeddingBag with offsets: {mode}",
        lambda mode=mode: nn.EmbeddingBag(6, 3, mode=mode, rng=0),
        (flat_ids, offsets),
        (4, 3),
        f"EmbeddingBag(6, 3, mode='{mode}')",
        batch=None,
    )
    add(
        f"EmbeddingBag with padding: {mode}",
        lambda mode=mode: nn.EmbeddingBag(6, 3, mode=mode, padding_idx=2, rng=0),
        (np.array([[1, 2, 1], [2, 2, 2], [0, 3, 2]]),),
        (3, 3),
        f"EmbeddingBag(6, 3, mode='{mode}', padding_idx=2)",
        batch=(0,),
    )
    add(
        f"EmbeddingBag with padding and offsets: {mode}",
        lambda mode=mode: nn.EmbeddingBag(
            6, 3, mode=mode, padding_idx=2, include_last_offset=True, rng=0
        ),
        (flat_ids, np.array([0, 4, 6, 8])),
        (3, 3),
        f"EmbeddingBag(6, 3, mode='{mode}', padding_idx=2, include_last_offset=True)",
        batch=None,
    )
add(
    "EmbeddingBag with weights",
    lambda: nn.EmbeddingBag(6, 3, mode="sum", rng=0),
    (ids, None, (2, 4)),
    (2, 3),
    "EmbeddingBag(6, 3, mode='sum')",
    batch=(0, None, 0),
    shown="EmbeddingBag(6, 3, mode='sum')  weight (6, 3)  18 parameters",
    wrong=[
        ((ids, None, (2, 3)), r"have shape \(2, 3\), and need that of the indices"),
    ],
)
add(
    "EmbeddingBag with weights and offsets",
    lambda: nn.EmbeddingBag(6, 3, mode="sum", padding_idx=0, rng=0),
    (flat_ids, offsets, (8,)),
    (4, 3),
    "EmbeddingBag(6, 3, mode='sum', padding_idx=0)",
    batch=None,
)
add(
    "EmbeddingBag with a largest norm, divided by the frequency",
    lambda: nn.EmbeddingBag(6, 3, 1.0, 2.0, True, rng=0),
    (flat_ids, offsets),
    (4, 3),
    why="against PyTorch's Embedding in tests/test_embedding.py",
    smooth=False,
    batch=None,
)
