"""Lines of the table: transformers and positions."""

import math

import numpy as np

from contracts.layers import add, numbers
from xpnet import nn
from xpnet.nn import functional

CAUSAL = np.triu(np.ones((3, 3), dtype=bool), k=1)
PADDED = np.arange(3) >= np.array([[3], [2]])  # (2, 3)
SHAPE = "4, 2, 5, dropout=0.0"
OTHER = f"{SHAPE}, activation='gelu', batch_first=True, norm_first=True, bias=False"
TOKENS = (3, 2, 4)
MEMORY = (2, 2, 4)


def encoder_layer(**options):
    return nn.TransformerEncoderLayer(4, 2, 5, 0.0, rng=0, **options)


def decoder_layer(**options):
    return nn.TransformerDecoderLayer(4, 2, 5, 0.0, rng=1, **options)


def reader(options, end=""):
    """Return PyTorch's encoder as it is in a Transformer, but for a warning."""
    layer, norm = f"TransformerEncoderLayer({options})", f"LayerNorm(4{end})"
    return f"TransformerEncoder({layer}, 1, {norm}, enable_nested_tensor=False)"


# --- layers ---------------------------------------------------------------------------

add(
    "TransformerEncoderLayer",
    encoder_layer,
    (TOKENS,),
    TOKENS,
    f"TransformerEncoderLayer({SHAPE})",
    batch=(1,),
    out_batch=1,
    wrong=[(((3, 2, 5),), "query is 5 wide but the layer takes 4")],
    shown="""\
TransformerEncoderLayer(
  activation=relu, norm_first=False
  (self_attn): MultiheadAttention(
    4, 2                                                                   \
in_proj_weight (12, 4), in_proj_bias (12,)  60
    (out_proj): Linear(4, 4)                                               \
weight (4, 4), bias (4,)                    20
  )
  (linear1): Linear(4, 5)                                                  \
weight (5, 4), bias (5,)                    25
  (dropout): Dropout(p=0.0)
  (linear2): Linear(5, 4)                                                  \
weight (4, 5), bias (4,)                    24
  (norm1): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)  \
weight (4,), bias (4,)                      8
  (norm2): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)  \
weight (4,), bias (4,)                      8
  (dropout1): Dropout(p=0.0)
  (dropout2): Dropout(p=0.0)
)
Total: 145 parameters, float64 on cpu""",
)
add(
    "TransformerEncoderLayer, norms first, gelu, causal",
    lambda: encoder_layer(norm_first=True, activation="gelu", batch_first=True),
    ((2, 3, 4),),
    (2, 3, 4),
    f"TransformerEncoderLayer({SHAPE}, norm_first=True, activation='gelu', "
    "batch_first=True)",
    options={"is_causal": True},
    theirs={"src_mask": CAUSAL},
)
add(
    "TransformerEncoderLayer in training, with masks",
    lambda: encoder_layer(layer_norm_eps=0.1, bias=False),
    (TOKENS, None, PADDED),
    TOKENS,
    f"TransformerEncoderLayer({SHAPE}, layer_norm_eps=0.1, bias=False)",
    options={},
    train=True,
    batch=(1, None, 0),
    out_batch=1,
)
add(
    "TransformerEncoderLayer of one example, own activation",
    lambda: encoder_layer(activation=nn.Tanh()),
    ((3, 4),),
    (3, 4),
    f"TransformerEncoderLayer({SHAPE}, activation=Tanh())",
    options={"src_mask": numbers((3, 3))},
    train=True,
    batch=None,
)
add(
    "TransformerDecoderLayer",
    decoder_layer,
    (TOKENS, MEMORY),
    TOKENS,
    f"TransformerDecoderLayer({SHAPE})",
    batch=(1, 1),
    out_batch=1,
    wrong=[((TOKENS, (2, 2, 5)), "key is 5 wide but the layer takes 4")],
)
add(
    "TransformerDecoderLayer, norms first, with masks",
    lambda: decoder_layer(norm_first=True, activation="gelu", bias=False),
    (TOKENS, (3, 2, 4), CAUSAL, None, PADDED, PADDED),
    TOKENS,
    f"TransformerDecoderLayer({SHAPE}, norm_first=True, activation='gelu', bias=False)",
    options={"tgt_is_causal": True},
    batch=(1, 1, None, None, 0, 0),
    out_batch=1,
)

# --- stacks ---------------------------------------------------------------------------

add(
    "TransformerEncoder",
    lambda: nn.TransformerEncoder(encoder_layer(), 2),
    (TOKENS,),
    TOKENS,
    f"TransformerEncoder(TransformerEncoderLayer({SHAPE}), 2, "
    "enable_nested_tensor=False)",
    batch=(1,),
    out_batch=1,
    wrong=[(((3, 2, 5),), "query is 5 wide but the layer takes 4")],
)
add(
    "TransformerEncoder with a norm, causal",
    lambda: nn.TransformerEncoder(
        encoder_layer(batch_first=True, norm_first=True), 2, nn.LayerNorm(4)
    ),
    ((2, 3, 4),),
    (2, 3, 4),
    f"TransformerEncoder(TransformerEncoderLayer({SHAPE}, batch_first=True, "
    "norm_first=True), 2, LayerNorm(4), enable_nested_tensor=False)",
    options={"mask": np.where(CAUSAL, -np.inf, 0.0), "is_causal": True},
    train=True,
)
add(
    "TransformerEncoder with padding",
    lambda: nn.TransformerEncoder(encoder_layer(), 2),
    (TOKENS, None, PADDED),
    TOKENS,
    f"TransformerEncoder(TransformerEncoderLayer({SHAPE}), 2, "
    "enable_nested_tensor=False)",
    train=True,  # in evaluation PyTorch's takes a path that gives 0 at padded tokens
    batch=(1, None, 0),
    out_batch=1,
)
add(
    "TransformerDecoder",
    lambda: nn.TransformerDecoder(decoder_layer(), 2, nn.LayerNorm(4)),
    (TOKENS, MEMORY),
    TOKENS,
    f"TransformerDecoder(TransformerDecoderLayer({SHAPE}), 2, LayerNorm(4))",
    options={"tgt_is_causal": True},
    theirs={"tgt_mask": CAUSAL},
    batch=(1, 1),
    out_batch=1,
    wrong=[((TOKENS, (2, 2, 5)), "key is 5 wide but the layer takes 4")],
)
add(
    "Transformer",
    lambda: nn.Transformer(4, 2, 1, 1, 5, 0.0, rng=2),
    (MEMORY, TOKENS),
    TOKENS,
    f"Transformer(4, 2, 1, 1, 5, 0.0, custom_encoder={reader(SHAPE)})",
    options={"tgt_is_causal": True},
    theirs={"tgt_mask": CAUSAL},
    batch=(1, 1),
    out_batch=1,
    train=True,
    wrong=[((MEMORY, (3, 2, 5)), "query is 5 wide but the layer takes 4")],
)
add(
    "Transformer, norms first, gelu, batch first, with padding",
    lambda: nn.Transformer(
        4, 2, 1, 2, 5, 0.0, "gelu", batch_first=True, norm_first=True, bias=False, rng=3
    ),
    ((2, 3, 4), (2, 3, 4)),
    (2, 3, 4),
    "Transformer(4, 2, 1, 2, 5, 0.0, 'gelu', batch_first=True, norm_first=True, "
    f"bias=False, custom_encoder={reader(OTHER, ', bias=False')})",
    options={
        "src_key_padding_mask": PADDED,
        "memory_key_padding_mask": PADDED,
        "tgt_mask": CAUSAL,
    },
    train=True,
    batch=None,
)

# --- positions ------------------------------------------------------------------------


def waves(dim, length, base=10000.0):
    """Return the angles of positions in PyTorch's terms, as an expression."""
    slow = f"torch.exp(torch.arange(0, {dim}, 2).double() * {-math.log(base) / dim})"
    return f"torch.outer(torch.arange({length}).double(), {slow})"


PAIRS = f"(lambda a: torch.stack([a.sin(), a.cos()], -1).flatten(1))({waves(4, 3)})"

add(
    "SinusoidalPositions",
    lambda: nn.SinusoidalPositions(4),
    (TOKENS,),
    TOKENS,
    f"lambda x: x + {PAIRS}[:, None].to(x.dtype)",
    batch=(1,),
    out_batch=1,
    shown="SinusoidalPositions(4, base=10000.0)",
    wrong=[(((3, 2, 6),), r"x is \(L, N, 4\) or \(L, 4\), and not \(3, 2, 6\)")],
)
add(
    "SinusoidalPositions, batch first",
    lambda: nn.SinusoidalPositions(4, batch_first=True),
    ((2, 3, 4),),
    (2, 3, 4),
    f"lambda x: x + {PAIRS}.to(x.dtype)",
    shown="SinusoidalPositions(4, base=10000.0, batch_first=True)",
    wrong=[(((3, 2, 6),), r"x is \(N, L, 4\) or \(L, 4\), and not \(3, 2, 6\)")],
)
add(
    "RotaryEmbedding",
    lambda: nn.RotaryEmbedding(4),
    ((2, 2, 3, 4),),
    (2, 2, 3, 4),
    f"lambda x: (lambda a: torch.cat([x[..., :2] * a.cos() - x[..., 2:] * a.sin(), "
    f"x[..., 2:] * a.cos() + x[..., :2] * a.sin()], -1))({waves(4, 3)}).to(x.dtype)",
    shown="RotaryEmbedding(4, base=10000.0)",
    wrong=[
        (((3, 2),), r"x is \(\.\.\., L, 4\), and not \(3, 2\)"),
        (((2, 3, 4), np.arange(4)), r"positions of shape \(4,\) do not broadcast"),
    ],
)
add(
    "RotaryEmbedding of other places, interleaved",
    lambda: nn.RotaryEmbedding(4, 100.0, interleaved=True),
    ((3, 4), np.array([0, 1, 2])),
    (3, 4),
    "lambda x, places: torch.view_as_real(torch.view_as_complex(x.unflatten(-1, "
    f"(2, 2))) * torch.exp(1j * {waves(4, 3, 100.0)}.to(x.dtype))).flatten(-2)",
    shown="RotaryEmbedding(4, base=100.0, interleaved=True)",
    batch=None,
)
add(
    "rotary",
    lambda: functional.rotary,
    ((2, 3, 4), np.array([[3], [7]])),
    (2, 3, 4),
    "lambda x, places: (lambda a: torch.cat([x[..., :2] * a.cos() - x[..., 2:] * "
    "a.sin(), x[..., 2:] * a.cos() + x[..., :2] * a.sin()], -1))((places[..., None] * "
    "torch.tensor([1.0, 0.01], dtype=torch.float64)).to(x.dtype))",
    batch=(0, 0),
    wrong=[(((3, 3),), r"rotary: x of shape \(3, 3\) needs tokens and an even width")],
)
