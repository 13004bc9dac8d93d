"""Logistic regression: is a tumour benign or malignant? Thirty numbers decide.

    python examples/logistic_regression.py [--device cpu|cuda|auto] [--quick]

One neuron with thirty inputs, on m = 455 real examples at once:

    z    = w₁x₁ + … + w₃₀x₃₀ + b
    out  = sigmoid(z)                        the probability that it is benign
    cost = −1/m Σ [ y·log(out) + (1 − y)·log(1 − out) ]

The cost of one example is the logarithm of the probability that the neuron gave to the
right answer, with a minus sign: sure and right costs 0, sure and wrong costs a lot.
"""

import argparse

import xpnet as xn
from xpnet import data, losses, metrics, xp

LEARNING_RATE = 0.5


def neuron(w, b, x):
    """Return z for each row of x."""
    return x @ w + b


def cost_as_written(w, b, x, y):
    """Compute the cost word for word as in the formula above."""
    out = xp.special.expit(neuron(w, b, x))
    return -xp.mean(y * xp.log(out) + (1 - y) * xp.log(1 - out))


def cost(w, b, x, y):
    """Compute the same from z: no probability is rounded to 0 before the logarithm."""
    return losses.binary_cross_entropy_with_logits(neuron(w, b, x), y)


def gradient_by_hand(w, b, x, y):
    """Return what the chain rule gives: the mean of the error (out − y) times x."""
    error = xp.special.expit(neuron(w, b, x)) - y
    return x.T @ error / len(y), xp.mean(error)


def as_numbers(part, device):
    """Return the inputs and the right answers, 0 or 1, as numbers with a fraction."""
    x, y = part.arrays(device)
    return x, xp.astype(y, x.dtype)


def main():
    parser = argparse.ArgumentParser(description="Logistic regression on real data.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    options = parser.parse_args()
    steps = 50 if options.quick else 300

    train, test = data.load_breast_cancer(rng=0)
    x, y = as_numbers(train, options.device)
    print(f"{len(train)} examples to learn from, {len(test)} to test on")
    print(f"the answers are 0 = {train.classes[0]}, 1 = {train.classes[1]}\n")

    # With all weights 0 each answer is 0.5, and the cost is log(2) = 0.693147.
    w = xp.zeros(x.shape[1], dtype=x.dtype, device=x.device)
    b = xp.zeros((), dtype=x.dtype, device=x.device)
    print(f"cost as written    {float(cost_as_written(w, b, x, y)):.6f}")
    print(f"losses.binary_...  {float(cost(w, b, x, y)):.6f}")

    value_and_gradient = xn.value_and_grad(cost, argnums=(0, 1))
    _, (dw, db) = value_and_gradient(w, b, x, y)
    dw_by_hand, db_by_hand = gradient_by_hand(w, b, x, y)
    print(f"∂cost/∂w₁          {float(dw[0]):.6f}, by hand {float(dw_by_hand[0]):.6f}")
    print(f"∂cost/∂b           {float(db):.6f}, by hand {float(db_by_hand):.6f}\n")

    for step in range(steps + 1):
        value, (dw, db) = value_and_gradient(w, b, x, y)
        if step % (steps // 5) == 0:
            print(f"step {step:3d}: cost {float(value):.6f}")
        w = w - LEARNING_RATE * dw
        b = b - LEARNING_RATE * db

    x, y = as_numbers(test, options.device)
    accuracy = float(metrics.accuracy(neuron(w, b, x), y))
    print(f"\nright on {accuracy:.1%} of the test examples")


if __name__ == "__main__":
    main()
