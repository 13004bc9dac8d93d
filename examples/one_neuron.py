"""One neuron, step by step: every factor of the chain rule, then learning.

    python examples/one_neuron.py [--device cpu|cuda|auto] [--quick]

The neuron takes one number x and answers with one number between 0 and 1:

    z    = w·x + b            a weight w, and a bias b
    out  = sigmoid(z)         1 / (1 + exp(−z)) squeezes z into (0, 1)
    loss = (out − target)²    how wrong the answer is

To learn is to change w and b so that the loss falls. The chain rule says which way.
"""

import argparse

import xpnet as xn
from xpnet import xp

X, TARGET = 1.5, 1.0  # one example: for the input 1.5 the right answer is 1
W, B = 0.8, -1.0  # where the neuron starts
LEARNING_RATE = 0.5


def neuron(w, b):
    """Return z, the neuron's answer, and how wrong it is."""
    z = w * X + b
    out = xp.special.expit(z)  # the sigmoid
    return z, out, (out - TARGET) ** 2


def loss_of(w, b):
    return neuron(w, b)[2]


def forward():
    """Go from the input to the loss; the arrays remember how."""
    w, b = (xn.asarray(v, dtype=xp.float64, requires_grad=True) for v in (W, B))
    z, out, loss = neuron(w, b)
    print("1. Forward: from the input to the loss")
    print(f"   z    = w·x + b         = {W}·{X} + ({B}) = {z.item():.6f}")
    print(f"   out  = sigmoid(z)      = {out.item():.6f}")
    print(f"   loss = (out − target)² = {loss.item():.6f}\n")
    return w, b, out.item(), loss


def chain_rule(out):
    """Go back from the loss to w and b by hand, one factor after the other."""
    dL_dOut = 2 * (out - TARGET)
    dOut_dZ = out * (1 - out)
    dZ_dW, dZ_dB = X, 1.0
    dL_dW = dL_dOut * dOut_dZ * dZ_dW
    dL_dB = dL_dOut * dOut_dZ * dZ_dB
    print("2. Backward: the chain rule, one factor after the other")
    print(f"   dL/dOut = 2·(out − target) = {dL_dOut:9.6f}")
    print(f"   dOut/dZ = out·(1 − out)    = {dOut_dZ:9.6f}")
    print(f"   dZ/dW   = x                = {dZ_dW:9.6f}     dZ/dB = {dZ_dB:.6f}")
    print(f"   dL/dW   = dL/dOut · dOut/dZ · dZ/dW = {dL_dW:9.6f}")
    print(f"   dL/dB   = dL/dOut · dOut/dZ · dZ/dB = {dL_dB:9.6f}\n")
    return dL_dW, dL_dB


def three_answers(by_hand, w, b, loss):
    """Compare the products with the tape's gradients, and with a small change."""
    loss.backward()
    h = 1e-6
    change_w = (loss_of(W + h, B) - loss_of(W - h, B)).item() / (2 * h)
    change_b = (loss_of(W, B + h) - loss_of(W, B - h)).item() / (2 * h)
    print("3. Three ways to the same numbers           dL/dW         dL/dB")
    print("   the product of the factors        {:12.9f}  {:12.9f}".format(*by_hand))
    tape = w.grad.item(), b.grad.item()
    print("   the tape: w.grad and b.grad       {:12.9f}  {:12.9f}".format(*tape))
    print(f"   a small change: ΔL/Δw and ΔL/Δb   {change_w:12.9f}  {change_b:12.9f}\n")


def learn(steps):
    """Take steps downhill."""
    gradient = xn.grad(loss_of, argnums=(0, 1))
    w, b = W, B
    print(f"4. Update: new = old − {LEARNING_RATE} × gradient, again and again")
    print("   step         w         b       out      loss")
    for step in range(steps + 1):
        if step < 4 or step % 10 == 0:
            _, out, loss = (float(value) for value in neuron(w, b))
            print(f"   {step:4d} {w:9.6f} {b:9.6f} {out:9.6f} {loss:9.6f}")
        dL_dW, dL_dB = gradient(w, b)
        w = w - LEARNING_RATE * dL_dW
        b = b - LEARNING_RATE * dL_dB
    print(f"   The answer that was asked for is {TARGET}.")


def main():
    parser = argparse.ArgumentParser(description="One neuron, step by step.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    options = parser.parse_args()

    with xn.use_device(options.device):
        w, b, out, loss = forward()
        by_hand = chain_rule(out)
        three_answers(by_hand, w, b, loss)
        learn(10 if options.quick else 50)


if __name__ == "__main__":
    main()
