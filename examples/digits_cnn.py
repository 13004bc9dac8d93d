"""Handwritten digits again: a convolutional network sees where the strokes are.

    python examples/digits_cnn.py [--device cpu|cuda|auto] [--quick]

`digits.py` unrolls an image into a vector, and so forgets which pixels are neighbours.
Here a window of 3 × 3 pixels slides over the image: 32 small filters, the same at every
place, look for strokes, and 64 more look for what strokes form. Then two linear layers
decide, as in LeCun's LeNet-5 of 1998. Over seeds and splits of the data, between 98.6 %
and 99.7 % of the test images are read right, after about 15 seconds.
"""

import argparse

from xpnet import data, losses, metrics, nn, no_grad, optim


def network(device):
    """Return the network; each image comes as 64 numbers."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),  # (N, 64) to (N, 1, 8, 8)
        nn.Conv2d(1, 32, 3, padding=1, rng=0),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, rng=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),  # (N, 64, 8, 8) to (N, 64, 4, 4)
        nn.Dropout(0.5, rng=2),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 128, rng=3),
        nn.ReLU(),
        nn.Linear(128, 10, rng=4),
        device=device,
    )


def main():
    parser = argparse.ArgumentParser(description="A CNN that reads digits.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    options = parser.parse_args()
    epochs = 5 if options.quick else 30

    train, test = data.load_digits(rng=0)
    x, y = test.arrays(options.device)
    model = network(options.device)
    print(nn.summary(model, x[:1]), "\n")

    loader = data.DataLoader(
        train, batch_size=64, shuffle=True, rng=0, device=options.device
    )
    opt = optim.AdamW(model.parameters(), lr=3e-3)
    schedule = optim.OneCycleLR(opt, max_lr=3e-3, total_steps=epochs * len(loader))
    for epoch in range(1, epochs + 1):
        model.train()
        for images, labels in loader:
            loss = losses.cross_entropy(model(images), labels)
            opt.zero_grad()
            loss.backward()
            opt.step()
            schedule.step()
        model.eval()
        with no_grad():
            accuracy = float(metrics.accuracy(model(x), y))
        print(f"epoch {epoch:2d}: right on {accuracy:.2%} of the test images")


if __name__ == "__main__":
    main()
