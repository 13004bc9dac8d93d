"""Parameters that are computed from others each time they are read.

`register_parametrization` replaces a parameter of a layer, "weight" say, by what a
module computes from originals. The names of the state are PyTorch's:
``parametrizations.weight.original`` (or ``original0``, ``original1``, ...) for the
originals, ``parametrizations.weight.0`` for the module.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeVar, final

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.tape import no_grad
from ..errors import OptionError, ShapeError
from ..random import as_generator
from . import state
from .functional.normalization import normalize
from .functional.parametrize import (
    as_rows,
    norm_except,
    power_step,
    spectral_weight,
    weight_of,
)
from .holder import FROZEN, PARAMETER, PARAMETERS
from .module import Module
from .waiting import count

__all__ = [
    "register_parametrization",
    "remove_parametrizations",
    "spectral_norm",
    "weight_norm",
]

Layer = TypeVar("Layer", bound=Module)


# --- any parametrization --------------------------------------------------------------


@final
class Originals(Module):
    """What a parameter is computed from, and by which modules, one after another."""

    def __init__(self, values: Iterable[Array], single: bool, role: str) -> None:
        self.names = []
        for i, value in enumerate(values):
            name = "original" if single else f"original{i}"
            self.names.append(name)
            self._register(name, value, role)

    def forward(self) -> Array:
        """Return the value of the parameter."""
        first, *others = self.children()
        out = first(*[getattr(self, name) for name in self.names])
        for module in others:
            out = module(out)
        result: Array = out
        return result

    def assign(self, value: Any) -> None:
        """Write originals that give `value`, or the nearest to it that there is."""
        for module in reversed(list(self.children())):
            value = _inverse(module, value)
        values = value if isinstance(value, tuple) else (value,)
        named = zip(self.names, values, strict=True)
        state.load({name: (getattr(self, name), v) for name, v in named})


@final
class Parametrizations(Module):
    """The originals of each parametrized parameter, by its name."""

    def forward(self) -> Any:
        """Return the values of all, by name."""
        return {name: originals() for name, originals in self.named_children()}


def _inverse(module: Any, value: Any) -> Any:
    """Return the originals from which a module computes `value`."""
    inverse = getattr(module, "right_inverse", None)
    if inverse is None:
        return value
    with no_grad():
        return inverse(value)


class _Computed:
    """A parameter that is computed when it is read: a property of the layer's class."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, kind: Any = None) -> Any:
        if module is None:
            return self
        return getattr(module.parametrizations, self.name)()

    def __set__(self, module: Any, value: Any) -> None:
        getattr(module.parametrizations, self.name).assign(asarray(value).detach())


@functools.cache
def _parametrized(base: type[Module], names: tuple[str, ...]) -> type[Module]:
    """Return the class of a layer whose parameters of these names are computed."""
    members: dict[str, Any] = {name: _Computed(name) for name in names}
    members |= {
        "__doc__": base.__doc__,
        "__module__": base.__module__,
        "__reduce_ex__": lambda self, _: (_empty, (base, names), self.__dict__),
        "_plain": (base, names),
    }
    return type(f"Parametrized{base.__name__}", (base,), members)


def _empty(base: type[Module], names: tuple[str, ...]) -> Module:
    """Return a parametrized layer that holds nothing yet: for pickle and copy."""
    kind = _parametrized(base, names)
    return kind.__new__(kind)


def register_parametrization(
    module: Layer, name: str, parametrization: Module
) -> Layer:
    """Compute a parameter of a layer with a module; return the layer.

    From here on ``layer.weight`` is ``parametrization(original)``, and the optimizer
    trains the original. Make the optimizer afterwards. The class of the layer becomes a
    subclass of what it was.

    Parameters
    ----------
    module : Module
        The layer, which is changed in place.
    name : str
        The parameter; one that is parametrized already gets a further step.
    parametrization : Module
        Takes the original and returns the parameter. If its class has
        ``right_inverse(value)``, that gives the original, or a tuple of several, from
        the value of now; else the value is the original.

    Raises
    ------
    OptionError
        If the layer has no such parameter.
    ShapeError
        If the result has another shape than the parameter.

    Notes
    -----
    PyTorch's ``torch.nn.utils.parametrize.register_parametrization``, with the same
    names of the state.

    Examples
    --------
    >>> from xpnet.nn import Linear, Module
    >>> class Symmetric(Module):
    ...     def forward(self, x):
    ...         return (x + x.mT) / 2
    >>> layer = register_parametrization(Linear(2, 2, rng=0), "weight", Symmetric())
    >>> bool(xp.all(layer.weight == layer.weight.mT))
    True
    """
    base, names = getattr(type(module), "_plain", (type(module), ()))
    if name in names:
        _append(module, name, parametrization)
        return module
    role = module._roles.get(name)
    if role not in PARAMETERS:
        raise OptionError(
            f"register_parametrization: {type(module).__name__} has no parameter "
            f"{name!r}. A layer that takes its size from the first input has it after "
            "that."
        )
    value = module.__dict__[name]
    made = _inverse(parametrization, value.detach())
    single = not isinstance(made, tuple)
    trained = not module._is_frozen(name)
    role = PARAMETER if trained else FROZEN
    leaves = [
        asarray(asarray(v, copy=True), requires_grad=trained)
        for v in ((made,) if single else made)
    ]
    originals = Originals(leaves, single, role)
    _add(originals, parametrization)
    _check_shape(name, originals(), value)
    if not names:
        module._register("parametrizations", Parametrizations(), "module")
    setattr(module.__dict__["parametrizations"], name, originals)
    delattr(module, name)
    object.__setattr__(module, "__class__", _parametrized(base, (*names, name)))
    return module


def _append(module: Any, name: str, parametrization: Module) -> None:
    before = getattr(module, name)
    originals = getattr(module.parametrizations, name)
    _check_shape(name, parametrization(before.detach()), before)
    _add(originals, parametrization)


def _add(originals: Originals, parametrization: Module) -> None:
    number = len(list(originals.children()))
    originals._register(str(number), parametrization, "module")


def _check_shape(name: str, new: Array, old: Array) -> None:
    if new.shape != old.shape:
        raise ShapeError(
            f"register_parametrization: {name} has shape {old.shape}, and the "
            f"parametrization makes it {new.shape}."
        )


def remove_parametrizations(
    module: Layer, name: str = "weight", leave_parametrized: bool = True
) -> Layer:
    """Make a computed parameter a plain one again; return the layer.

    Parameters
    ----------
    module : Module
        The layer, which is changed in place.
    name : str
        The parameter.
    leave_parametrized : bool
        Whether it keeps the value that was computed; else it gets the original.

    Raises
    ------
    OptionError
        If the parameter is not parametrized, or has several originals of which none can
        be left.

    Examples
    --------
    >>> from xpnet.nn import Linear
    >>> layer = weight_norm(Linear(3, 2, rng=0))
    >>> remove_parametrizations(layer)
    Linear(3, 2)  bias (2,), weight (2, 3)  8 parameters
    """
    base, names = getattr(type(module), "_plain", (type(module), ()))
    if name not in names:
        raise OptionError(
            f"remove_parametrizations: {type(module).__name__}.{name} is not "
            "parametrized."
        )
    held: Any = module
    originals = getattr(held.parametrizations, name)
    if len(originals.names) > 1 and not leave_parametrized:
        raise OptionError(
            f"remove_parametrizations: {name} is computed from {originals.names}, and "
            "none of them can stand for it. Pass leave_parametrized=True."
        )
    frozen = originals._is_frozen(originals.names[0])
    value = getattr(module, name) if leave_parametrized else originals.original
    rest = tuple(n for n in names if n != name)
    kind = _parametrized(base, rest) if rest else base
    object.__setattr__(module, "__class__", kind)
    delattr(
        held.parametrizations if rest else held, name if rest else "parametrizations"
    )
    leaf = asarray(asarray(value.detach(), copy=True), requires_grad=not frozen)
    module._register(name, leaf, FROZEN if frozen else PARAMETER)
    return module


# --- the norm of a weight -------------------------------------------------------------


@final
class WeightNorm(Module):
    """``v * (g / norm(v))``: the size and the direction of a weight apart."""

    def __init__(self, axis: int | None) -> None:
        self.axis = axis

    def forward(self, g: Array, v: Array) -> Array:
        """Return the weight."""
        return weight_of(g, v, self.axis)

    def right_inverse(self, weight: Array) -> tuple[Array, Array]:
        """Return the norms of a weight, and the weight."""
        return norm_except(weight, self.axis), weight

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"axis={self.axis}"


def weight_norm(module: Layer, name: str = "weight", axis: int | None = 0) -> Layer:
    """Train the norms and the directions of a weight apart; return the layer.

    ``weight = v * (g / norm(v))``, with the norm of each slice of `v` along `axis`.

    Parameters
    ----------
    module : Module
        The layer, which is changed in place.
    name : str
        The parameter.
    axis : int or None
        Along which each slice has a norm of its own: 0 is one for each output. None is
        one norm for the whole. PyTorch calls it `dim`.

    Raises
    ------
    OptionError
        If the layer has no such parameter, or the parameter no such axis.

    Notes
    -----
    Salimans and Kingma, "Weight Normalization", NeurIPS 2016. The state has PyTorch's
    names (``torch.nn.utils.parametrizations.weight_norm``):
    ``parametrizations.weight.original0`` is g and ``original1`` is v.

    Examples
    --------
    >>> from xpnet.nn import Linear
    >>> layer = weight_norm(Linear(3, 2, rng=0))
    >>> [k for k in layer.state_dict() if "weight" in k]
    ['parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    _check_axis("weight_norm", module, name, axis)
    return register_parametrization(module, name, WeightNorm(axis))


def _check_axis(function: str, module: Module, name: str, axis: int | None) -> None:
    weight = getattr(module, name, None)
    if type(weight) is not Array or axis is None:
        return
    if not -weight.ndim <= axis < weight.ndim:
        raise OptionError(
            f"{function}: {name} of shape {weight.shape} has no axis {axis}."
        )


# --- the largest singular value -------------------------------------------------------


@final
class SpectralNorm(Module):
    """A weight divided by an estimate of its largest singular value."""

    _u: Array
    _v: Array

    def __init__(
        self, weight: Array, steps: int, axis: int, eps: float, rng: Any
    ) -> None:
        self.axis, self.n_power_iterations, self.eps = axis, steps, eps
        if weight.ndim < 2:
            return
        matrix = as_rows(weight.detach(), axis)
        rng = as_generator(rng)
        for name, length in zip(("_u", "_v"), matrix.shape, strict=True):
            drawn = normalize(rng.normal(length, like=matrix), axis=0, eps=eps)
            self.register_buffer(name, drawn)
        self._improve(matrix, 15)

    def _improve(self, matrix: Array, steps: int) -> None:
        """Take steps of the power method, off the tape."""
        with no_grad():
            for _ in range(steps):
                u, v = power_step(matrix, self._v, self.eps)
                self._u.data, self._v.data = u.data, v.data

    def forward(self, weight: Array) -> Array:
        """Return the weight divided; in training the estimate is improved first."""
        if weight.ndim < 2:
            return normalize(weight, axis=0, eps=self.eps)
        if self.training:
            self._improve(as_rows(weight.detach(), self.axis), self.n_power_iterations)
        u, v = (Array(x.data, x._lib) for x in (self._u, self._v))
        return spectral_weight(weight, u, v, self.axis)

    def right_inverse(self, weight: Array) -> Array:
        """Return the weight: it may be that of a network trained without."""
        return weight

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"n_power_iterations={self.n_power_iterations}, eps={self.eps}, "
            f"axis={self.axis}"
        )


def spectral_norm(
    module: Layer,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    axis: int | None = None,
    *,
    rng: Any = None,
) -> Layer:
    """Divide a weight by its largest singular value; return the layer.

    The value is ``u @ W @ v``, where W is the weight as a matrix, with `axis` as rows,
    and u, v are buffers that the power method improves each time the weight is read in
    training. They count as constants for the derivative.

    Parameters
    ----------
    module : Module
        The layer, which is changed in place.
    name : str
        The parameter. One of a single axis is divided by its norm.
    n_power_iterations : int
        Steps of the power method at each reading.
    eps : float
        The least norm that vectors are divided by.
    axis : int or None
        The axis of the outputs: by default 1 for transposed convolutions, and else 0.
        PyTorch calls it `dim`.
    rng : int or Generator, optional
        Draws u and v, which 15 steps then improve.

    Raises
    ------
    OptionError
        If the layer has no such parameter, the parameter no such axis, or the number of
        steps is not at least 1.

    Notes
    -----
    Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative
    Adversarial Networks", ICLR 2018. The state has PyTorch's names
    (``torch.nn.utils.parametrizations.spectral_norm``).

    Examples
    --------
    >>> from xpnet.nn import Linear
    >>> layer = spectral_norm(Linear(3, 2, rng=0), rng=1).eval()
    >>> bool(abs(xp.linalg.svdvals(layer.weight)[0] - 1.0) < 1e-3)
    True
    """
    steps = count("spectral_norm", "n_power_iterations", n_power_iterations)
    if axis is None:
        axis = int(type(module).__name__.startswith("ConvTranspose"))
    _check_axis("spectral_norm", module, name, axis)
    weight = getattr(module, name, None)
    if type(weight) is not Array:
        raise OptionError(
            f"spectral_norm: {type(module).__name__} has no parameter {name!r}."
        )
    norm = SpectralNorm(weight, steps, axis, eps, rng).train(module.training)
    return register_parametrization(module, name, norm)
