"""The page Image: from a pixel to its place in the vector, to its weight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, final

import xpnet as xn
from xpnet import data, losses, metrics, nn, optim

from ...errors import OptionError
from ..ask import Ask
from ..page import Page, request
from ..pictures import SOURCES, Pictures, pictures
from ..training import host
from ..wire import Frame

__all__ = ["Image"]

HIDDEN = 32  # neurons of the hidden layer, where there is one
BATCH = 64
LR = 1e-3
MOST = 500  # steps of one request
KEPT = 12  # pictures that an export can show

cost = losses.binary_cross_entropy_with_logits


class Pass(NamedTuple):
    """What one picture makes of the network: arrays of the library.

    Attributes
    ----------
    z, a : Array
        What the neurons of the first layer sum up, and what they pass on.
    logit : Array
        What the last neuron sums up.
    """

    z: Any
    a: Any
    logit: Any


@final
class Image(Page):
    """A picture is a vector; a neuron has one weight for each of its places.

    Requests: "begin" takes pictures and a fresh network; "train" takes steps of Adam;
    "look" shows one picture to one neuron of the first layer. The answer to each of
    the three holds that look. An export begins with "open", the network as it is, and
    shows some pictures and neurons more by "view".
    """

    name, title = "image", "Image"

    def __init__(self, own: Any = None) -> None:
        super().__init__(own)
        self._net: Net | None = None
        self._looked = (0, 0)  # the last picture and neuron

    @request("begin", keep="never")
    def begin(self, ask: Ask) -> Frame:
        """Begin with pictures of one source, and with or without a hidden layer."""
        source = ask.choice("source", tuple(SOURCES), default="photographs")
        hidden = ask.choice("layers", ("one", "two"), default="one") == "two"
        self._net = Net(pictures(source), hidden)
        return self._opened(ask)

    @request("train", keep="never")
    def train(self, ask: Ask) -> Frame:
        """Take some steps."""
        self._ready().train(ask.whole("steps", 1, MOST))
        return self._seen(ask)

    @request("look", keep="never")
    def look(self, ask: Ask) -> Frame:
        """Show a picture to a neuron."""
        return self._seen(ask)

    @request("open", keep="anew")
    def open(self, ask: Ask) -> Frame:
        """Answer as "begin" does, for the network as it is."""
        return self._opened(ask)

    @request("view", keep="last")
    def view(self, ask: Ask) -> Frame:
        """Answer as "look" does."""
        return self._seen(ask)

    def keep(self) -> Iterable[dict[str, Any]]:
        """Keep some pictures for this neuron, and each neuron for this picture."""
        if self._net is None:
            return
        picture, unit = self._looked
        yield {"type": "open", "picture": picture, "unit": unit}
        for other in {*range(KEPT), picture}:
            yield {"type": "view", "picture": other, "unit": unit}
        for other in range(self._net.units):
            yield {"type": "view", "picture": picture, "unit": other}

    def _ready(self) -> Net:
        if self._net is None:
            raise OptionError("there is no network yet: begin first.")
        return self._net

    def _opened(self, ask: Ask) -> Frame:
        """Return what the page begins with."""
        shown = self._ready().pictures
        header = {
            "shape": list(shown.shape),
            "classes": list(shown.classes),
            "train": len(shown.train[0]),
            "test": len(shown.test[0]),
            "parameters": self._ready().model.num_parameters(),
        }
        seen = self._seen(ask)
        return Frame(
            {**header, **seen.header}, {"places": shown.places(), **seen.arrays}
        )

    def _seen(self, ask: Ask) -> Frame:
        """Return how the training is, and one picture as one neuron sees it."""
        net = self._ready()
        picture = ask.whole("picture", 0, len(net.pictures.test[0]) - 1, default=0)
        unit = ask.whole("unit", 0, net.units - 1, default=0)
        self._looked = (picture, unit)
        header, arrays = net.look(picture, unit)
        return Frame({**net.scores(), **header}, arrays)


@final
class Net:
    """A network of one or two layers on pictures, and its training.

    Parameters
    ----------
    shown : Pictures
        What it learns from.
    hidden : bool
        Whether there is a hidden layer.
    """

    def __init__(self, shown: Pictures, hidden: bool) -> None:
        self.pictures = shown
        self.units = HIDDEN if hidden else 1
        size = shown.train[0].shape[1]
        self.first = nn.Linear(size, self.units, rng=0)
        last = [nn.ReLU(), nn.Linear(HIDDEN, 1, rng=1)] if hidden else []
        self.model = nn.Sequential(self.first, *last)
        self.optimizer = optim.Adam(self.model.parameters(), lr=LR)
        self.step = 0
        self._batches = self._draw()

    def _draw(self) -> Iterator[Any]:
        """Return batches for ever."""
        sets = data.Dataset(*self.pictures.train)
        loader = data.DataLoader(sets, batch_size=BATCH, shuffle=True, rng=0)
        while True:
            yield from loader

    def train(self, steps: int) -> None:
        """Take some steps of Adam."""
        for _ in range(steps):
            x, y = next(self._batches)
            loss = cost(self.model(x)[:, 0], y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.step += steps

    def scores(self) -> dict[str, Any]:
        """Return how many pictures of each set are told apart, and the loss."""
        found: dict[str, Any] = {"step": self.step}
        with xn.no_grad():
            for name in ("train", "test"):
                x, y = map(xn.asarray, getattr(self.pictures, name))
                logits = self.model(x)[:, 0]
                found[f"{name}_loss"] = float(cost(logits, y))
                found[f"{name}_accuracy"] = float(metrics.accuracy(logits, y))
        return found

    def look(self, picture: int, unit: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what one picture makes of one neuron of the first layer."""
        x = xn.asarray(self.pictures.test[0][picture : picture + 1])
        label = int(self.pictures.test[1][picture])
        seen = self._pass(x)
        loss = cost(seen.logit[:, 0], xn.asarray([label]))
        self.optimizer.zero_grad()
        loss.backward()
        weight, bias = (p.detach() for p in self.first.parameters())
        slope: Any = self.first.weight.grad
        header = {
            "picture": picture,
            "label": label,
            "unit": unit,
            "units": self.units,
            "bias": float(bias[unit]),
            "z": float(seen.z.detach()[0, unit]),
            "logit": float(seen.logit.detach()[0, 0]),
            "p": float(nn.functional.sigmoid(seen.logit.detach())[0, 0]),
            "loss": float(loss),
        }
        arrays = {
            "pixels": self.pictures.picture(picture),
            "x": host(x[0, :]),
            "weight": host(weight[unit, :]),
            "product": host(weight[unit, :] * x[0, :]),
            "gradient": host(slope[unit, :]),
            "passed": host(seen.a.detach()[0, :]),
        }
        self.optimizer.zero_grad()
        return header, arrays

    def _pass(self, x: Any) -> Pass:
        """Run the layers one after the other, and keep what they give."""
        z = self.first(x)
        if self.units == 1:
            return Pass(z, z, z)
        _, activation, last = self.model
        a = activation(z)
        return Pass(z, a, last(a))
