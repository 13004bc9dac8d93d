"""Walk downhill on simple surfaces: new = old − learning rate × gradient.

    python examples/gradient_descent_2d.py [--device cpu|cuda|auto] [--quick]
                                           [--plot FILE]

First one variable: for y = x² the slope is dy/dx = 2x, and at 3 a tiny change of x is
multiplied by 6. Then two variables: the gradient is the vector of both partial
derivatives, (∂f/∂x, ∂f/∂y). It points uphill, so each step goes the other way.
"""

import argparse
from typing import Any, NamedTuple

import xpnet as xn


class Surface(NamedTuple):
    """A function of two variables, where to start on it, and how to walk."""

    formula: str
    height: Any
    start: tuple[float, float]
    learning_rate: float
    steps: int
    minima: str


SURFACES = {
    "bowl": Surface(
        "x² + y²",
        lambda x, y: x**2 + y**2,
        start=(3.0, -2.0),
        learning_rate=0.1,
        steps=40,
        minima="(0, 0)",
    ),
    "valley": Surface(  # 20 times steeper across than along: the walk zigzags
        "x² + 20·y²",
        lambda x, y: x**2 + 20 * y**2,
        start=(3.0, -2.0),
        learning_rate=0.045,
        steps=80,
        minima="(0, 0)",
    ),
    "rosenbrock": Surface(  # a curved valley with an almost flat floor
        "(1 − x)² + 100·(y − x²)²",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        start=(-1.2, 1.0),
        learning_rate=0.0015,
        steps=10000,
        minima="(1, 1)",
    ),
    "himmelblau": Surface(  # four minima: the start decides which one is found
        "(x² + y − 11)² + (x + y² − 7)²",
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        start=(0.0, 0.0),
        learning_rate=0.01,
        steps=60,
        minima="(3, 2), (−2.81, 3.13), (−3.78, −3.28), (3.58, −1.85)",
    ),
}


def slope_of_a_square():
    """Show that at 3 a tiny change is multiplied by 6."""
    slope = xn.grad(lambda x: x**2)(3.0)
    change = (3.001**2 - 3.0**2) / 0.001
    print(f"y = x² at x = 3: dy/dx = 2x = {slope}")
    print(f"from 3 to 3.001 y changes by {change:.3f} times as much as x\n")


def descend(surface, steps):
    """Return the path: rows of x, y, height and the two partial derivatives."""
    value_and_gradient = xn.value_and_grad(surface.height, argnums=(0, 1))
    x, y = surface.start
    path = []
    for _ in range(steps + 1):
        height, (df_dx, df_dy) = value_and_gradient(x, y)
        path.append((x, y, height, df_dx, df_dy))
        x = x - surface.learning_rate * df_dx
        y = y - surface.learning_rate * df_dy
    return path


def show(name, surface, path):
    """Print some rows of the path as a table."""
    print(f"{name}: f(x, y) = {surface.formula}, lowest at {surface.minima}")
    print("   step         x         y           f       ∂f/∂x       ∂f/∂y")
    last = len(path) - 1
    for step in sorted({0, 1, 2, 3, 4, last // 4, last // 2, last}):
        row = "{:9.5f} {:9.5f} {:11.6f} {:11.5f} {:11.5f}".format(*path[step])
        print(f"  {step:5d} {row}")
    print()


def draw(paths, file):
    """Draw each path on the surface's lines of equal height."""
    import matplotlib
    import numpy as np

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 9), layout="constrained")
    for (name, path), ax in zip(paths.items(), axes.flat, strict=True):
        surface = SURFACES[name]
        xs, ys = [row[0] for row in path], [row[1] for row in path]
        x, y = np.meshgrid(
            np.linspace(min(xs) - 1, max(xs) + 1, 200),
            np.linspace(min(ys) - 1, max(ys) + 1, 200),
        )
        height = surface.height(x, y)
        levels = np.geomspace(0.05, height.max(), 20)
        ax.contour(x, y, height, levels=levels, cmap="viridis", linewidths=0.8)
        ax.plot(xs, ys, "o-", color="tab:red", markersize=3, linewidth=1)
        ax.set(title=f"{name}: {surface.formula}", xlabel="x", ylabel="y")
    figure.savefig(file)
    print(f"drawn in {file}")


def main():
    parser = argparse.ArgumentParser(description="Gradient descent on surfaces.")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--plot", metavar="FILE", help="draw too (needs matplotlib)")
    options = parser.parse_args()

    paths = {}
    with xn.use_device(options.device):
        slope_of_a_square()
        for name, surface in SURFACES.items():
            steps = min(surface.steps, 200) if options.quick else surface.steps
            paths[name] = descend(surface, steps)
            show(name, surface, paths[name])
    if options.plot:
        draw(paths, options.plot)


if __name__ == "__main__":
    main()
