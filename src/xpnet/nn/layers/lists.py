"""Lists and dicts of modules and of parameters, and a module around others."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError
from ..module import Module
from .container import Sequential

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Residual"]


class _Store(Module):
    """What holds modules or parameters under names, and computes nothing."""

    def forward(self, *args: Any, **options: Any) -> NoReturn:
        """Raise OptionError: there is nothing that these would compute together."""
        raise OptionError(
            f"{type(self).__name__} only holds what is in it: use its entries in the "
            "forward of your own Module."
        )

    def __len__(self) -> int:
        return len(self._roles)

    def _values(self) -> list[Any]:
        return [self.__dict__[name] for name in self._roles]

    def _put(self, name: str, value: Any) -> None:
        """Hold one more entry, or another in its place."""
        raise NotImplementedError

    def _put_module(self, name: str, value: Any) -> None:
        if not isinstance(value, Module):
            raise OptionError(
                f"{type(self).__name__}: the entry {name!r} is of type "
                f"{type(value).__name__}; it must be a Module."
            )
        self._set_module(name, value, None)

    def _put_parameter(self, name: str, value: Any) -> None:
        leaf = value
        if type(value) is not Array or value._node is None:
            leaf = asarray(asarray(value), copy=True, requires_grad=True)
        self._set_array(name, leaf, None)

    def _forget(self, name: str) -> Any:
        value = self.__dict__.pop(name)
        del self._roles[name]
        return value


class _List(_Store):
    """A list: its entries are named "0", "1", ..."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(() if values is None else values)

    def append(self, value: Any) -> Any:
        """Add an entry at the end, and return self."""
        self._put(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add entries at the end, and return self."""
        for value in values:
            self.append(value)
        return self

    def insert(self, index: int, value: Any) -> None:
        """Add an entry before another; those after it get new names."""
        values = self._values()
        values.insert(index, value)
        self._renew(values)

    def _renew(self, values: list[Any]) -> None:
        for name in list(self._roles):
            self._forget(name)
        self.extend(values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values())

    def __getitem__(self, index: int | slice) -> Any:
        values = self._values()
        if isinstance(index, slice):
            return type(self)(values[index])
        return values[operator.index(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(list(self._roles)[operator.index(index)], value)

    def __delitem__(self, index: int | slice) -> None:
        values = self._values()
        del values[index]
        self._renew(values)


class _Dict(_Store):
    """A dict: its keys are the names of its entries."""

    def __init__(self, values: Mapping[str, Any] | Iterable[Any] | None = None) -> None:
        self.update({} if values is None else values)

    def update(self, values: Mapping[str, Any] | Iterable[Any]) -> None:
        """Add entries, or replace those of the same keys."""
        for key, value in dict(values).items():
            self[key] = value

    def keys(self) -> Iterator[str]:
        """Iterate over the keys."""
        return iter(list(self._roles))

    def values(self) -> Iterator[Any]:
        """Iterate over the entries."""
        return iter(self._values())

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over keys and entries."""
        return iter([(name, self.__dict__[name]) for name in self._roles])

    def pop(self, key: str) -> Any:
        """Take an entry away, and return it."""
        self[key]
        return self._forget(key)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __contains__(self, key: object) -> bool:
        return key in self._roles

    def __getitem__(self, key: str) -> Any:
        if key not in self._roles:
            raise KeyError(key)
        return self.__dict__[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise OptionError(f"{type(self).__name__}: a key is a string, not {key!r}.")
        self._put(key, value)

    def __delitem__(self, key: str) -> None:
        self.pop(key)


_Dict._reserved = frozenset(dir(_Dict))  # a key would hide what has its name


@final
class ModuleList(_List):
    """A list of modules, which are seen as parts of the model.

    Parameters
    ----------
    values : iterable of Module
        They are named "0", "1", ... as in PyTorch.

    Raises
    ------
    OptionError
        If an entry is not a Module; or if the list is called.

    Notes
    -----
    It has what a list has: ``append``, ``extend``, ``insert``, ``del``, indices,
    slices (a ModuleList), iteration. For modules one after another use `Sequential`.

    Examples
    --------
    >>> from xpnet.nn import Linear, Module
    >>> class Tower(Module):
    ...     def __init__(self):
    ...         self.floors = ModuleList(Linear(2, 2, rng=i) for i in range(3))
    ...
    ...     def forward(self, x):
    ...         for floor in self.floors:
    ...             x = floor(x) + x
    ...         return x
    >>> sorted(Tower().state_dict())[:2]
    ['floors.0.bias', 'floors.0.weight']
    """

    _put = _Store._put_module


@final
class ModuleDict(_Dict):
    """A dict of modules, which are seen as parts of the model.

    Parameters
    ----------
    values : mapping of str to Module, or iterable of pairs
        The keys are the names in ``state_dict``, as in PyTorch.

    Raises
    ------
    OptionError
        If a key is no string, has a dot, or is the name of something that every Module
        has; if an entry is not a Module; or if the dict is called.

    Examples
    --------
    >>> from xpnet.nn import ReLU, Tanh
    >>> bends = ModuleDict({"relu": ReLU(), "tanh": Tanh()})
    >>> bends["relu"]([-1.0, 2.0]).data
    array([0., 2.])
    """

    _put = _Store._put_module


@final
class ParameterList(_List):
    """A list of parameters, which are seen as parts of the model.

    Parameters
    ----------
    values : iterable of array
        Leaves are taken as they are, others copied. They are named "0", "1", ...

    Examples
    --------
    >>> weights = ParameterList([[1.0, 2.0], [3.0]])
    >>> [p.shape for p in weights.parameters()]
    [(2,), (1,)]
    """

    _put = _Store._put_parameter


@final
class ParameterDict(_Dict):
    """A dict of parameters, which are seen as parts of the model.

    Parameters
    ----------
    values : mapping of str to array, or iterable of pairs
        Leaves are taken as they are, others copied.

    Examples
    --------
    >>> weights = ParameterDict({"scale": [1.0, 2.0]})
    >>> weights["scale"].requires_grad
    True
    """

    _put = _Store._put_parameter


@final
class Residual(Module):
    """What layers compute, added to what they take: ``x + f(x)``.

    Parameters
    ----------
    *layers : Module
        `f`: one after another.
    projection : Module, optional
        Applied to `x` where `f` changes the shape: ``projection(x) + f(x)``.

    Notes
    -----
    In ``state_dict`` the layers are ``layers.0``, ``layers.1``, ... and the projection
    is ``projection``. The input of `f` and its output have the same shape, or shapes
    that broadcast. PyTorch has no such class.

    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> from xpnet.nn import Linear, ReLU
    >>> block = Residual(Linear(2, 2, rng=0), ReLU())
    >>> sorted(block.state_dict())
    ['layers.0.bias', 'layers.0.weight']
    """

    layers: Sequential
    projection: Module | None

    def __init__(self, *layers: Module, projection: Module | None = None) -> None:
        self.layers = Sequential(*layers)
        self.projection = projection

    def forward(self, x: Any) -> Any:
        """Return ``x + f(x)``."""
        if type(x) is not Array:
            x = asarray(x)
        kept = x if self.projection is None else self.projection(x)
        return kept + self.layers(x)
