"""XOR: what one layer cannot learn, two layers can.

    python examples/xor.py [--device cpu|cuda|auto] [--hidden 4] [--quick]

The answer is 1 when exactly one of the two inputs is 1. No straight line separates the
ones from the zeros, and a single layer can only draw a straight line: the best that it
can do is to answer 0.5 to everything. A hidden layer bends the plane first.
"""

import argparse

from xpnet import asarray, losses, nn, no_grad, optim, xp

INPUTS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
TARGETS = [[0.0], [1.0], [1.0], [0.0]]


def learn(model, x, y, steps):
    """Train on the four rows at once; return the last loss."""
    opt = optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        loss = losses.binary_cross_entropy_with_logits(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


def show(title, model, x, loss):
    """Print the model's answer to each of the four questions."""
    with no_grad():
        answers = xp.special.expit(model(x)).tolist()
    print(f"{title}: {model.num_parameters()} parameters, loss {loss:.4f}")
    print("   x1  x2  target  answer")
    for (x1, x2), (target,), (answer,) in zip(INPUTS, TARGETS, answers, strict=True):
        print(f"   {x1:2.0f}  {x2:2.0f}  {target:6.0f}  {answer:6.3f}")
    right = all(
        (answer > 0.5) == (target > 0.5)
        for (answer,), (target,) in zip(answers, TARGETS, strict=True)
    )
    print(f"   {'learned' if right and loss < 0.1 else 'not learned'}\n")


def main():
    parser = argparse.ArgumentParser(description="Learn XOR with and without a layer.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--hidden", type=int, default=4, help="hidden neurons")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    options = parser.parse_args()
    steps = 250 if options.quick else 1000

    x = asarray(INPUTS, dtype=xp.float32, device=options.device)
    y = asarray(TARGETS, dtype=xp.float32, device=options.device)

    line = nn.Sequential(nn.Linear(2, 1, rng=0), device=options.device)
    show("without a hidden layer", line, x, learn(line, x, y, steps))

    network = nn.Sequential(
        nn.Linear(2, options.hidden, rng=0),
        nn.Tanh(),
        nn.Linear(options.hidden, 1, rng=1),
        device=options.device,
    )
    title = f"with {options.hidden} hidden neurons"
    show(title, network, x, learn(network, x, y, steps))


if __name__ == "__main__":
    main()
