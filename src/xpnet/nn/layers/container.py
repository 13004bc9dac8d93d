"""Modules that hold modules."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final, overload

from ...errors import OptionError
from ..functional.linear import dense, dense_as_it_is, nothing
from ..functional.precision import precision
from ..holder import MODULE
from ..module import Module
from .activation import ReLU
from .linear import Linear
from .pooling import MaxPool1d, MaxPool2d, MaxPool3d

__all__ = ["Sequential"]


_MAX_POOLS = (MaxPool1d, MaxPool2d, MaxPool3d)


def _can_come_first(pool: Any) -> bool:
    """Tell whether a max-pooling gives the same before a ReLU as after it.

    The largest of all that is above 0 is the same, with the same place; what is not
    above 0 has no derivative either way. (NaN stays NaN; which element of its window
    then has a derivative may change.) With gaps, a window can lie in the padding.
    """
    return pool.dilation == 1 and not pool.return_indices


@final
class Sequential(Module):
    """Layers one after another: each takes what the one before returns.

    Parameters
    ----------
    *layers : Module, or one dict of them
        In the order in which they run. They are named "0", "1", ... as in PyTorch, or
        by the keys of the dict.
    device : str or Device, optional
        Where to move them: ``"cpu"``, ``"cuda"``, ``"auto"``; by default they stay.

    Raises
    ------
    OptionError
        If a layer is not a Module.
    DeviceError
        If the device does not work.

    Examples
    --------
    >>> from xpnet.nn import Linear, ReLU
    >>> Sequential(Linear(2, 8, rng=0), ReLU(), Linear(8, 1, rng=1))
    Sequential(
      (0): Linear(2, 8)  weight (8, 2), bias (8,)  24
      (1): ReLU()
      (2): Linear(8, 1)  weight (1, 8), bias (1,)  9
    )
    Total: 33 parameters, float32 on cpu
    """

    def __init__(self, *layers: Module | Mapping[str, Any], device: Any = None) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            for name, named in layers[0].items():
                if not isinstance(named, Module):
                    raise _not_a_layer(named, name)
                super()._register(name, named, MODULE)
        else:
            for layer in layers:
                self.append(layer)
        if device is not None:
            self.to(device)

    def forward(self, x: Any) -> Any:
        """Return the result of the last layer.

        Linear layers in a row, each with a ReLU after it or not, are computed together,
        and max-pooling comes before the ReLU that it follows, with the same result.
        """
        held = self.__dict__
        joined = dense if precision.used else dense_as_it_is
        parameters: list[Any] = []  # of the Linear layers that wait
        relus: list[bool] = []
        late: Any = None  # a ReLU that waits
        for name in held["_roles"]:
            layer = held[name]
            kind: Any = type(layer) if layer._detour is None else None
            if late is not None:
                if kind in _MAX_POOLS and _can_come_first(layer):
                    x = late(layer(x))
                    late = None
                    continue
                x = late(x)
                late = None
            if kind is Linear:
                if x is None:
                    raise nothing("linear")
                parameters += (layer.weight, layer.bias)
                relus.append(False)
            elif kind is ReLU and relus and not relus[-1]:
                relus[-1] = True
            else:
                if relus:
                    x = joined(x, *parameters, relus=tuple(relus))
                    parameters, relus = [], []
                if kind is ReLU:
                    late = layer
                else:
                    x = layer(x)
        if relus:
            return joined(x, *parameters, relus=tuple(relus))
        return x if late is None else late(x)

    def append(self, layer: Any) -> Sequential:
        """Add a layer at the end, and return self."""
        if not isinstance(layer, Module):
            raise _not_a_layer(layer, len(self))
        self._set_module(str(len(self)), layer, None)
        return self

    def extend(self, layers: Iterable[Any]) -> Sequential:
        """Add layers at the end, and return self."""
        for layer in layers:
            self.append(layer)
        return self

    def insert(self, index: int, layer: Any) -> Sequential:
        """Add a layer before another, and return self; those after get new names.

        Raises
        ------
        OptionError
            If it is no layer, or the layers have names of their own.
        """
        if not isinstance(layer, Module):
            raise _not_a_layer(layer, index)
        layers = list(self)
        layers.insert(index, layer)
        self._renew(layers)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take a layer away, and return it; those after it get new names."""
        layer = self[index]
        del self[index]
        return layer

    def __delitem__(self, index: int | slice) -> None:
        layers = list(self)
        del layers[index]
        self._renew(layers)

    def _renew(self, layers: list[Module]) -> None:
        if not all(name.isdecimal() for name in self._roles):
            raise OptionError(
                f"Sequential: layers named {list(self._roles)} have no numbers to move "
                "up. Make another: nn.Sequential({...})."
            )
        for name in list(self._roles):
            del self.__dict__[name], self._roles[name]
        self.extend(layers)

    def __len__(self) -> int:
        return len(self._roles)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        named = list(self.named_children())
        if not isinstance(index, slice):
            return named[operator.index(index)][1]  # type: ignore[no-any-return]
        chosen = named[index]
        if all(name.isdecimal() for name, _ in named):
            out = Sequential(*[layer for _, layer in chosen])
        else:
            out = Sequential(dict(chosen))
        out.training = self.training
        return out

    def __setitem__(self, index: int, layer: Module) -> None:
        if not isinstance(layer, Module):
            raise _not_a_layer(layer, index)
        name = list(self._roles)[operator.index(index)]
        self._set_module(name, layer, None)

    def _register(self, name: str, value: Any, role: str) -> None:
        if (
            not name.isdecimal() and name not in self._roles
        ):  # anything else would have no place in the order
            raise OptionError(
                f"Sequential.{name}: a Sequential holds its layers alone. Use append "
                "or seq[i] = layer; for anything more write a Module of your own."
            )
        super()._register(name, value, role)

    def __delattr__(self, name: str) -> None:
        if name not in self._roles:
            super().__delattr__(name)
            return
        raise OptionError(
            f"Sequential.{name}: a layer cannot be deleted, because the names of those "
            "after it would have a gap. Write del seq[i], which numbers them anew."
        )


def _not_a_layer(layer: Any, position: int | str) -> OptionError:
    if isinstance(layer, type) and issubclass(layer, Module):
        what = f"the class {layer.__name__}: write {layer.__name__}(...)"
    else:
        what = f"a {type(layer).__name__}: pass one Module after another"
    return OptionError(f"Sequential: layer {position} is not a Module but {what}.")
