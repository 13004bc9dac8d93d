"""Lines of the table: recurrent layers and cells."""

import numpy as np

from contracts.layers import add
from xpnet import nn
from xpnet.nn import functional

PACKED = "against PyTorch's packed sequences in tests/test_recurrent.py"
LENGTHS = {"lengths": np.array([2, 3, 1])}

wrong = [
    (((4, 2, 5),), r"x has 5 features but weight_ih needs 3 \(x: \(4, 2, 5\)"),
    (((0, 2, 3),), "x has no steps"),
    (((4,),), r"x has shape \(4,\), and needs \(T, B, 3\), or \(T, 3\) for one"),
    (((4, 2, 3), (1, 3, 4)), r"the first h has shape \(1, 3, 4\), and needs \(1, 2, 4"),
]


def rnn_relu_backwards(x, h, *weights):
    """Run `nn.functional.rnn` with a relu from the end to the beginning: ``>>> ``."""
    return functional.rnn(x, h, *weights, nonlinearity="relu", reverse=True)


# --- RNN ------------------------------------------------------------------------------

add(
    "RNN",
    lambda: nn.RNN(3, 4, rng=0),
    ((4, 2, 3),),
    [(4, 2, 4), (1, 2, 4)],
    "RNN(3, 4)",
    shown=(
        "RNN(3, 4)  weight_ih_l0 (4, 3), weight_hh_l0 (4, 4), bias_ih_l0 (4,), "
        "bias_hh_l0 (4,)  36 parameters"
    ),
    batch=(1,),
    out_batch=1,
    wrong=wrong,
)
add(
    "RNN with relu",
    lambda: nn.RNN(3, 4, 2, "relu", rng=0),
    ((4, 2, 3), (2, 2, 4)),
    [(4, 2, 4), (2, 2, 4)],
    "RNN(3, 4, 2, 'relu')",
    batch=(1, 1),
    out_batch=1,
)
add(
    "RNN without bias, in two directions",
    lambda: nn.RNN(3, 4, bias=False, bidirectional=True, rng=0),
    ((4, 2, 3), (2, 2, 4)),
    [(4, 2, 8), (2, 2, 4)],
    "RNN(3, 4, bias=False, bidirectional=True)",
    batch=(1, 1),
    out_batch=1,
)
add(
    "RNN of lengths",
    lambda: nn.RNN(2, 3, bidirectional=True, rng=0),
    ((3, 3, 2),),
    [(3, 3, 6), (2, 3, 3)],
    why=PACKED,
    options=LENGTHS,
    batch=None,
)
add(
    "rnn with relu, backwards",
    lambda: rnn_relu_backwards,
    ((4, 2, 3), (2, 5), (5, 3), (5, 5), (5,), (5,)),
    [(4, 2, 5), (2, 5)],
    "lambda x, h, wi, wh, bi, bh: [y.flip(0) if y.ndim == 3 else y for y in "
    "(lambda r: (r[0], r[1][0]))(torch.rnn_relu(x.flip(0), h[None], (wi, wh, bi, bh), "
    "True, 1, 0.0, False, False, False))]",
    batch=(1, 0, None, None, None, None),
    out_batch=(1, 0),
)


# --- LSTM -----------------------------------------------------------------------------

add(
    "LSTM",
    lambda: nn.LSTM(3, 4, rng=0),
    ((4, 2, 3),),
    [(4, 2, 4), (1, 2, 4), (1, 2, 4)],
    "LSTM(3, 4)",
    batch=(1,),
    out_batch=1,
    wrong=wrong[:3],
)
add(
    "LSTM with the batch first, without bias",
    lambda: nn.LSTM(3, 4, bias=False, batch_first=True, rng=0),
    ((2, 4, 3),),
    [(2, 4, 4), (1, 2, 4), (1, 2, 4)],
    "LSTM(3, 4, bias=False, batch_first=True)",
    out_batch=(0, 1, 1),
    wrong=[(((4,),), r"needs \(B, T, 3\), or \(T, 3\) for one sequence")],
)
add(
    "LSTM of two layers in two directions",
    lambda: nn.LSTM(2, 1, 2, bidirectional=True, rng=0),
    ((3, 2, 2),),
    [(3, 2, 2), (4, 2, 1), (4, 2, 1)],
    "LSTM(2, 1, 2, bidirectional=True)",
    batch=(1,),
    out_batch=1,
)
add(
    "LSTM with dropout in evaluation",
    lambda: nn.LSTM(3, 2, 2, dropout=0.5, rng=0),
    ((3, 2, 3),),
    [(3, 2, 2), (2, 2, 2), (2, 2, 2)],
    "LSTM(3, 2, 2, dropout=0.5)",
    batch=(1,),
    out_batch=1,
)
add(
    "LSTM with a projection",
    lambda: nn.LSTM(1, 2, 2, bidirectional=True, proj_size=1, rng=0),
    ((2, 2, 1),),
    [(2, 2, 2), (4, 2, 1), (4, 2, 2)],
    "LSTM(1, 2, 2, bidirectional=True, proj_size=1)",
    batch=(1,),
    out_batch=1,
)
add(
    "LSTM of one sequence",
    lambda: nn.LSTM(3, 4, batch_first=True, rng=0),
    ((5, 3),),
    [(5, 4), (1, 4), (1, 4)],
    "LSTM(3, 4, batch_first=True)",
    batch=None,
)
add(
    "LSTM of lengths",
    lambda: nn.LSTM(2, 1, 2, bidirectional=True, batch_first=True, rng=0),
    ((3, 3, 2),),
    [(3, 3, 2), (4, 3, 1), (4, 3, 1)],
    why=PACKED,
    options=LENGTHS,
    batch=None,
)
add(
    "LSTM with a projection, of lengths",
    lambda: nn.LSTM(2, 3, proj_size=2, rng=0),
    ((3, 3, 2),),
    [(3, 3, 2), (1, 3, 2), (1, 3, 3)],
    why=PACKED,
    options=LENGTHS,
    batch=None,
)
add(
    "lstm",
    lambda: functional.lstm,
    ((3, 2, 3), (2, 2), (2, 2), (8, 3), (8, 2), (8,), (8,)),
    [(3, 2, 2), (2, 2), (2, 2)],
    "lambda x, h, c, wi, wh, bi, bh: [y.reshape(y.shape[-3:]) if i == 0 else y[0] for "
    "i, y in enumerate(torch.lstm(x, (h[None], c[None]), (wi, wh, bi, bh), True, 1, "
    "0.0, False, False, False))]",
    batch=(1, 0, 0, None, None, None, None),
    out_batch=(1, 0, 0),
    wrong=[
        (
            ((4, 2, 3), (2, 4), None, (20, 3), (20, 5)),
            r"the first h has shape \(2, 4\), and needs \(2, 5\)",
        ),
        (
            ((4, 2, 3), None, (3, 5), (20, 3), (20, 5)),
            r"the first c has shape \(3, 5\), and needs \(2, 5\)",
        ),
        (
            ((4, 2, 3), None, None, (20, 3), (16, 5)),
            r"weights of shapes \(20, 3\) and \(16, 5\) do not fit together",
        ),
        (((4, 3), None, None, (20, 3), (20, 5)), r"and needs \(T, B, inputs\)"),
    ],
)

# --- GRU ------------------------------------------------------------------------------

add(
    "GRU",
    lambda: nn.GRU(3, 4, rng=0),
    ((4, 2, 3), (1, 2, 4)),
    [(4, 2, 4), (1, 2, 4)],
    "GRU(3, 4)",
    batch=(1, 1),
    out_batch=1,
    wrong=wrong,
)
add(
    "GRU of two layers in two directions",
    lambda: nn.GRU(2, 1, 2, bidirectional=True, rng=0),
    ((3, 2, 2), (4, 2, 1)),
    [(3, 2, 2), (4, 2, 1)],
    "GRU(2, 1, 2, bidirectional=True)",
    batch=(1, 1),
    out_batch=1,
)
add(
    "GRU without bias",
    lambda: nn.GRU(3, 4, bias=False, rng=0),
    ((4, 2, 3),),
    [(4, 2, 4), (1, 2, 4)],
    "GRU(3, 4, bias=False)",
    batch=(1,),
    out_batch=1,
)
add(
    "GRU of one sequence",
    lambda: nn.GRU(3, 4, rng=0),
    ((5, 3), (1, 4)),
    [(5, 4), (1, 4)],
    "GRU(3, 4)",
    batch=None,
)
add(
    "GRU of lengths",
    lambda: nn.GRU(2, 2, bidirectional=True, rng=0),
    ((3, 3, 2), (2, 3, 2)),
    [(3, 3, 4), (2, 3, 2)],
    why=PACKED,
    options=LENGTHS,
    batch=None,
)
add(
    "gru",
    lambda: functional.gru,
    ((3, 2, 3), (2, 2), (6, 3), (6, 2), (6,), (6,)),
    [(3, 2, 2), (2, 2)],
    "lambda x, h, wi, wh, bi, bh: (lambda r: (r[0], r[1][0]))(torch.gru(x, h[None], "
    "(wi, wh, bi, bh), True, 1, 0.0, False, False, False))",
    batch=(1, 0, None, None, None, None),
    out_batch=(1, 0),
)

# --- cells ----------------------------------------------------------------------------

add(
    "RNNCell",
    lambda: nn.RNNCell(3, 4, rng=0),
    ((2, 3), (2, 4)),
    (2, 4),
    "RNNCell(3, 4)",
    shown=(
        "RNNCell(3, 4)  weight_ih (4, 3), weight_hh (4, 4), bias_ih (4,), bias_hh (4,)"
        "  36 parameters"
    ),
    batch=(0, 0),
    wrong=[
        (((2, 5), (2, 4)), "x has 5 features but weight_ih needs 3"),
        (((2, 3), (2, 5)), r"the first h has shape \(2, 5\), and needs \(2, 4\)"),
        (((1, 2, 3), None), r"and needs \(B, inputs\) or \(inputs,\)"),
    ],
)
add(
    "RNNCell with relu, without bias",
    lambda: nn.RNNCell(3, 4, bias=False, nonlinearity="relu", rng=0),
    ((2, 3), (2, 4)),
    (2, 4),
    "RNNCell(3, 4, bias=False, nonlinearity='relu')",
    batch=(0, 0),
)
add(
    "LSTMCell",
    lambda: nn.LSTMCell(3, 4, rng=0),
    ((2, 3),),
    [(2, 4), (2, 4)],
    "LSTMCell(3, 4)",
)
add(
    "lstm_cell",
    lambda: functional.lstm_cell,
    ((2, 3), (2, 5), (2, 5), (20, 3), (20, 5), (20,), (20,)),
    [(2, 5), (2, 5)],
    "lambda x, h, c, *weights: torch.lstm_cell(x, (h, c), *weights)",
    batch=(0, 0, 0, None, None, None, None),
)
add(
    "GRUCell",
    lambda: nn.GRUCell(3, 4, rng=0),
    ((2, 3), (2, 4)),
    (2, 4),
    "GRUCell(3, 4)",
    batch=(0, 0),
)
add(
    "GRUCell of one example",
    lambda: nn.GRUCell(3, 4, bias=False, rng=0),
    ((3,), (4,)),
    (4,),
    "GRUCell(3, 4, bias=False)",
    batch=None,
)
