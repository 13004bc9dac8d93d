"""Lesson 12. A classifier of pictures, from the pixels to the test."""

# mypy: allow-untyped-defs, allow-untyped-decorators

from __future__ import annotations

import numpy as np

import xpnet as xn
from xpnet import data, losses, metrics, nn, optim

from . import TITLES
from .answers import Choice
from .lesson import Lesson
from .number import Number
from .terminal import script

lesson = Lesson("cat-or-dog", TITLES["cat-or-dog"])

lesson.text("""
    Now everything together. A classifier that tells cats from dogs needs pictures of
    both, and none come with this library. Two photographs do, with scikit-learn: a
    palace in China, and a flower. So we cut both in patches and ask of each patch:
    which photograph is it from? At the end you will put your own cats and dogs in.
""")


@lesson.predict(
    "each patch is 16 × 16 pixels in 3 colours, unrolled into a vector. How many "
    "numbers has it?",
    Number(
        lambda v: v["X"].shape[1],
        tolerance=0.0,
        mistakes=((lambda v: 16 * 16, "Each pixel has three numbers."),),
    ),
)
def pictures():
    """Cut the photographs, and put a fifth of their regions aside for the test."""
    train_set, test_set = data.photo_patches(16)
    X, y = train_set.arrays("cpu")
    X_test, y_test = test_set.arrays("cpu")
    print(train_set)
    print(test_set)
    return locals()


lesson.text("""
    The network never learns from the test patches, and only they say what it knows. No
    pixel is in both sets.
""")


@lesson.code
def training(train_set, X, y, X_test, y_test):
    """Write the three steps once, for any model."""
    cost = losses.binary_cross_entropy_with_logits

    def train(model, epochs=40):
        adam = optim.Adam(model.parameters(), lr=0.001)
        batches = data.DataLoader(train_set, batch_size=64, shuffle=True, rng=0)
        for _ in range(epochs):
            for x, label in batches:
                out = model(x)  # forward
                loss = cost(out, label[:, None] * 1.0)
                adam.zero_grad()
                loss.backward()  # backward
                adam.step()  # update
        learned = float(metrics.accuracy(model(X), y[:, None]))
        test = float(metrics.accuracy(model(X_test), y_test[:, None]))
        print(f"right on what it learned from {learned:.1%}, on the test {test:.1%}")
        return test

    return locals()


@lesson.predict(
    "logistic regression: one neuron with a weight for each of the {X.shape[1]} "
    "numbers. Which share of the test patches does it get right, between 0 and 1?",
    Number("straight", tolerance=0.1),
)
def without_hidden(X, train):
    """Train one neuron."""
    neuron = nn.Linear(X.shape[1], 1, rng=0)
    straight = train(neuron)
    return locals()


lesson.text("""
    Much better than guessing. What does it look at? Each weight belongs to one colour
    of one pixel.
""")


@lesson.code
def weights(neuron):
    """Find the pixel and the colour with the largest weight."""
    w = neuron.weight.detach().numpy()[0]
    index = int(abs(w).argmax())
    pixel = data.image.pixel_of(index, (16, 16, 3))
    colours = data.image.rolled(w, (16, 16, 3)).mean(axis=(0, 1))
    print(f"largest weight {w[index]:.3f} at place {index}: {pixel}")
    print("mean weight of red, green, blue:", colours.round(3))
    place = data.image.index_of(1, 0, 2, (16, 16, 3))
    return locals()


lesson.exercise(
    "Row after row, pixel after pixel, each as red, green, blue. At which place of the "
    "vector stands the blue of the first pixel in the second row? Count from 0.",
    Number(
        "place",
        tolerance=0.0,
        mistakes=(
            (lambda v: 16 + 2, "Each pixel of the first row takes three places."),
            (lambda v: v["place"] + 1, "Count from 0: red is 0, green 1, blue 2."),
        ),
    ),
    hint="The first row takes 16 · 3 places. Then blue is the third colour.",
)


@lesson.predict(
    "now a hidden layer of 32 neurons with ReLU. Which share of the test?",
    Number("bent", tolerance=0.03),
)
def with_hidden(X, train):
    """Train one hidden layer."""
    model = nn.Sequential(
        nn.Linear(X.shape[1], 32, rng=0), nn.ReLU(), nn.Linear(32, 1, rng=1)
    )
    bent = train(model)
    return locals()


lesson.text("""
    From {straight:.0%} to {bent:.0%}, on patches that neither of them had seen: an
    honest reason for a hidden layer.
""")

lesson.exercise(
    "How many numbers does the network with the hidden layer learn?",
    Number(
        lambda v: sum(p.size for p in v["model"].parameters()),
        tolerance=0.0,
        mistakes=(
            (lambda v: v["X"].shape[1] * 32 + 32, "The biases are missing: 32 and 1."),
        ),
    ),
    hint="{X.shape[1]}·32 weights and 32 biases, then 32 weights and 1 bias.",
)

lesson.exercise(
    "What has this network learned?",
    Choice(
        {
            "To tell palaces from flowers.": (
                "It has seen one palace and one flower. Another flower may well be "
                "a palace to it."
            ),
            "To tell patches of these two photographs apart.": "",
            "To see.": "It compares colours and edges of 16 × 16 pixels.",
        }
    ),
    hint="Where do its training patches come from, and where do the test patches?",
)


@lesson.predict(
    "the same test patches in grey: red, green and blue of each pixel become their "
    "mean. Everybody would still see a palace and a flower. And the network?",
    Choice(
        {
            "It stays about as good: the shapes are the same.": (
                "Nothing told it to look at shapes: colours were enough."
            ),
            "It falls to about guessing.": "",
        }
    ),
)
def grey(model, X_test, y_test, bent):
    """Take the colours away from the test patches."""
    pixels = X_test.numpy().reshape(-1, 16 * 16, 3)
    mean = pixels.mean(axis=2, keepdims=True)
    X_grey = np.broadcast_to(mean, pixels.shape).reshape(-1, 768)
    colourless = float(metrics.accuracy(model(xn.asarray(X_grey)), y_test[:, None]))
    print(f"in colour {bent:.1%}, in grey {colourless:.1%}")
    return locals()


lesson.text("""
    A network finds the easiest way that its examples leave open: here, colours. For
    cats and dogs you need pictures of many cats and many dogs. Put them in two folders,
    pets/cat and pets/dog, and go on as above:

        from xpnet import data

        pets = data.image_folder("pets", size=32)
        train_set, test_set = pets.split(0.2, rng=0)
        X, y = train_set.arrays("auto")

    With a few hundred pictures such a small network learns something and not much:
    cats and dogs differ in shapes, at any place of the picture. For those there are
    convolutions, and they learn by the same three steps: forward, backward, update.
""")

lesson.exercise(
    "Your network has 98 % right on its training pictures and 61 % on the test. What "
    "would help most?",
    Choice(
        {
            "More pictures.": "",
            "More epochs.": "It knows its pictures by heart already.",
            "A larger network.": "It would learn them by heart even better.",
        }
    ),
    hint="The gap between the two numbers is what it learned by heart.",
)

if __name__ == "__main__":
    script(lesson)
