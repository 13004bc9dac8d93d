"""Photographs: from an image to a vector, to one neuron, to a hidden layer.

    python examples/photographs.py [--device cpu|cuda|auto] [--quick] [--folder DIR]

An image is a matrix of pixels, each of red, green and blue. Unrolled, row after row, it
is one long vector x, and the simplest classifier is one neuron that looks at all of it:

    z    = wᵀx + b
    out  = sigmoid(z)                        the probability of the second class
    cost = −1/m Σ [ y·log(out) + (1 − y)·log(1 − out) ]

The images are small patches of two photographs that scikit-learn brings, a palace in
China and a flower: which photograph is a patch from? One neuron gives each number one
weight, whatever the others are. A hidden layer of 32 neurons makes new features out of
all numbers together, and one neuron then weighs those.

The test patches are from other regions than the training patches, but of the same two
photographs: what is learned here tells *these* photographs apart, and nothing else.
Over five choices of the regions the neuron is right on 75 to 79 % of the test patches,
the network on 95 to 98 %.
For cats and dogs, give a folder of your own pictures, DIR/cat/*.jpg and DIR/dog/*.jpg.
"""

import argparse
import math

import xpnet as xn
from xpnet import data, losses, metrics, nn, no_grad, optim, xp

SIZE = 8  # pixels along each side of a patch
FOLDER_SIZE = 32  # and of one's own pictures, which are made so small
HIDDEN = 32


def load(folder):
    """Return a training set, a test set, and the shape of an image."""
    if folder is None:
        train, test = data.photo_patches(SIZE, rng=0)
        return train, test, (SIZE, SIZE, 3)
    pictures = data.image_folder(folder, FOLDER_SIZE)
    if len(pictures.classes) != 2:
        raise SystemExit(
            f"{folder} has {len(pictures.classes)} classes; one neuron that says yes "
            "or no needs two."
        )
    train, test = pictures.split(0.2, rng=0)
    return train, test, (FOLDER_SIZE, FOLDER_SIZE, 3)


def explain_unrolling(vector, shape):
    """Print where some numbers of a vector stand in the image."""
    print(f"an image of shape {shape} is a vector of {math.prod(shape)} numbers:")
    for index in (0, 1, 2, 3 * shape[1], len(vector) - 1):
        row, column, channel = data.image.pixel_of(index, shape)
        colour = ("red", "green", "blue")[channel]
        place = f"row {row}, column {column}, {colour}"
        print(f"  x[{index:4d}] = {vector[index]:.3f}   {place}")


def train_one_epoch(model, opt, loader):
    """Show each training image to the model once."""
    for x, y in loader:
        z = model(x)[:, 0]
        cost = losses.binary_cross_entropy_with_logits(z, xp.astype(y, z.dtype))
        opt.zero_grad()
        cost.backward()
        opt.step()


def share_right(model, part, device):
    """Return the share of a data set that the model gets right."""
    x, y = part.arrays(device)
    with no_grad():
        return float(metrics.accuracy(model(x)[:, 0], y))


def fit(name, model, train, test, epochs, device):
    """Train a model, print how it does, and return it."""
    opt = optim.Adam(model.parameters(), lr=1e-3)
    loader = data.DataLoader(train, batch_size=64, shuffle=True, rng=0, device=device)
    for _ in range(epochs):
        train_one_epoch(model, opt, loader)
    seen, new = (share_right(model, part, device) for part in (train, test))
    print(f"{name:22s}{seen:.1%} of the training set, {new:.1%} of the test set")
    return model


def main():
    parser = argparse.ArgumentParser(description="Two photographs, told apart.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    parser.add_argument("--folder", help="a folder with a folder of pictures per class")
    options = parser.parse_args()
    epochs = 3 if options.quick else 30

    train, test, shape = load(options.folder)
    first, second = train.classes
    print(f"{len(train)} images to learn from, {len(test)} to test on")
    print(f"the answers are 0 = {first}, 1 = {second}\n")
    explain_unrolling(train.features[0], shape)

    print(f"\nright after {epochs} epochs:")
    pixels = math.prod(shape)
    make = {"device": options.device}
    neuron = nn.Sequential(nn.Linear(pixels, 1, rng=0), **make)
    fit("one neuron", neuron, train, test, epochs, options.device)
    network = nn.Sequential(
        nn.Linear(pixels, HIDDEN, rng=0), nn.ReLU(), nn.Linear(HIDDEN, 1, rng=1), **make
    )
    fit(f"a hidden layer of {HIDDEN}", network, train, test, epochs, options.device)

    x, y = test[0]
    z = network(xn.asarray(x[None, :], device=options.device))
    out = xp.special.expit(z).item()
    print(f"\nthe first test image is {test.classes[y]}; the network says:")
    print(f"  {second} with probability {out:.3f}")


if __name__ == "__main__":
    main()
