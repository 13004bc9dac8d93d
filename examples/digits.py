"""Handwritten digits: a network with one hidden layer learns to read them.

    python examples/digits.py [--device cpu|cuda|auto] [--quick]

An image of 8 × 8 pixels is unrolled into a vector of 64 numbers. 128 hidden neurons
look at all of them, and 10 outputs, one per digit, look at the hidden neurons. The
largest output is the answer.
"""

import argparse

from xpnet import data, losses, metrics, nn, no_grad, optim, xp

SHADES = " .:-=+*#%@"  # from white to black


def train_one_epoch(model, opt, loader):
    """Show each training image to the network once."""
    for x, y in loader:
        loss = losses.cross_entropy(model(x), y)  # forward
        opt.zero_grad()
        loss.backward()  # backward
        opt.step()  # update


def pictures(images):
    """Draw images of 64 numbers in [0, 1] next to each other."""
    lines = []
    for row in range(8):
        parts = [image[8 * row : 8 * row + 8] for image in images]
        shades = ["".join(SHADES[round(9 * v)] * 2 for v in part) for part in parts]
        lines.append("  ".join(shades).rstrip())
    return "\n".join(lines)


def show(model, x, y, count):
    """Print some images with what they are and what the network says."""
    with no_grad():
        answers = xp.argmax(model(x[:count]), axis=1).tolist()
    print(pictures(x[:count].tolist()))
    words = zip(y[:count].tolist(), answers, strict=True)
    print("  ".join(f"is {t}, read as {a}".ljust(16) for t, a in words).rstrip())


def main():
    parser = argparse.ArgumentParser(description="A network that reads digits.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    options = parser.parse_args()
    epochs = 4 if options.quick else 20

    train, test = data.load_digits(rng=0)
    x, y = test.arrays(options.device)
    model = nn.Sequential(
        nn.Linear(64, 128, rng=0),
        nn.ReLU(),
        nn.Linear(128, 10, rng=1),
        device=options.device,
    )
    print(model, "\n")

    opt = optim.Adam(model.parameters(), lr=2e-3)
    loader = data.DataLoader(
        train, batch_size=32, shuffle=True, rng=0, device=options.device
    )
    for epoch in range(1, epochs + 1):
        train_one_epoch(model, opt, loader)
        with no_grad():
            accuracy = float(metrics.accuracy(model(x), y))
        print(f"epoch {epoch:2d}: right on {accuracy:.1%} of the test images")

    print()
    show(model, x, y, 4)


if __name__ == "__main__":
    main()
