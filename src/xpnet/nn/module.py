"""The base of every layer and model: what it holds, by name, and what can be done with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from ..calculus.array import Array, asarray
from ..calculus.tape import Leaf, Node
from ..errors import GradientError, OptionError
from . import state, summary

__all__ = ["LoadReport", "Module", "Parameter"]

PARAMETER, FROZEN, BUFFER, MODULE = "parameter", "frozen parameter", "buffer", "module"
_PARAMETERS = (PARAMETER, FROZEN)
_ARRAYS = (PARAMETER, FROZEN, BUFFER)

Self = TypeVar("Self", bound="Module")


def Parameter(data: Any, *, dtype: Any = None, device: Any = None) -> Array:
    """Return a new leaf array, which a `Module` that it is assigned to will train.

    Parameters
    ----------
    data : number, nested list or array
        The values, which are copied.
    dtype, device : optional
        As for `xpnet.asarray`; by default the input's own.

    Raises
    ------
    DTypeError
        If the values are not floating-point numbers.

    Examples
    --------
    >>> Parameter([1.0, 2.0])
    Array([1., 2.], dtype=float64, device='cpu', requires_grad=True)
    """
    array = asarray(data, dtype=dtype, device=device)
    return asarray(array.detach(), copy=True, requires_grad=True)


class LoadReport(NamedTuple):
    """What `Module.load_state_dict` did not load."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(ABC):
    """Base of every layer and model.

    A subclass assigns what it holds to attributes and defines `forward`. An array made
    with ``requires_grad=True`` (see `Parameter`) becomes a parameter, a module a child;
    arrays that belong to the state but are not trained go through `register_buffer`.
    ``super().__init__()`` may be called but need not be: a module is complete before
    ``__init__`` runs.

    A module is a container of its parameters for the transforms: ``xn.grad(f)(model)``
    is a module of the same class that holds gradients in place of values.

    Attributes
    ----------
    training : bool
        Whether layers such as Dropout behave as in training; see `train` and `eval`.

    Examples
    --------
    >>> class Scale(Module):
    ...     def __init__(self, factor):
    ...         self.factor = Parameter(factor)
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale([1.0, 2.0])
    Scale()  factor (2,)  2 parameters
    """

    training: bool = True
    _roles: dict[str, str]

    def __new__(cls: type[Self], *args: Any, **options: Any) -> Self:
        self = super().__new__(cls)
        self.__dict__["_roles"] = {}
        return self

    @abstractmethod
    def forward(self, *args: Any, **options: Any) -> Any:
        """Compute the result; called by ``module(...)``."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.forward(*args, **options)

    def extra_repr(self) -> str:
        """Return the options that `repr` shows between the parentheses."""
        return ""

    def __repr__(self) -> str:
        return summary.describe(self)

    # --- what it holds -----------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        role = self._roles.get(name)
        if hasattr(getattr(type(self), name, None), "__set__"):  # a property
            object.__setattr__(self, name, value)
        elif isinstance(value, Module):
            self._set_module(name, value, role)
        elif type(value) is Array:
            self._set_array(name, value, role)
        elif role in _ARRAYS and value is not None:
            raise OptionError(
                f"{type(self).__name__}.{name} is a {role}: assign an xpnet Array (or None to "
                f"remove it), not a {type(value).__name__}."
            )
        else:
            self._refuse_hidden(name, value)
            self._roles.pop(name, None)
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._roles.pop(name, None)

    def _set_module(self, name: str, value: Module, role: str | None) -> None:
        if role in _ARRAYS:
            raise self._clash(name, role)
        if any(part is self for part in value.modules()):
            raise OptionError(
                f"{type(self).__name__}.{name}: a module cannot contain itself."
            )
        self._register(name, value, MODULE)

    def _set_array(self, name: str, value: Array, role: str | None) -> None:
        node = value._node
        if type(node) is Node:
            raise GradientError(
                f"{type(self).__name__}.{name}: this array was computed on the tape (by "
                f"{node.row.name}); a module holds leaves. Assign x.detach() to keep the "
                "values, nn.Parameter(x) to train them, or return x from forward."
            )
        if role == MODULE:
            raise self._clash(name, role)
        if role == PARAMETER:
            value = value if node is not None else asarray(value, requires_grad=True)
        elif role in (FROZEN, BUFFER):
            value = value.detach() if node is not None else value
        if role is not None or node is not None:
            self._register(name, value, role or PARAMETER)
        else:
            object.__setattr__(self, name, value)

    def _register(self, name: str, value: Any, role: str) -> None:
        if not name or "." in name:
            raise OptionError(
                f"{name!r} cannot name a {role}: names are not empty and have no dot, which "
                "separates the names of nested modules."
            )
        if hasattr(Module, name):
            raise OptionError(
                f"{name!r} cannot name a {role}: every Module has an attribute of that name."
            )
        self._roles[name] = role
        self.__dict__[name] = value

    def _clash(self, name: str, role: str) -> OptionError:
        return OptionError(
            f"{type(self).__name__}.{name} is a {role} already: delete it first (del), or "
            "choose another name."
        )

    def _refuse_hidden(self, name: str, value: Any) -> None:
        """Refuse modules and parameters inside a plain container: nothing would train them."""
        if type(value) in (list, tuple, dict):
            parts = value.values() if type(value) is dict else value
            if any(isinstance(p, Module) or _is_leaf(p) for p in parts):
                raise OptionError(
                    f"{type(self).__name__}.{name}: modules and parameters inside a "
                    f"{type(value).__name__} are not seen. Use nn.Sequential, or one "
                    "attribute for each."
                )

    def register_buffer(self, name: str, array: Any) -> None:
        """Keep a copy of an array that belongs to the state but is not trained.

        It moves with `to`, is part of `state_dict`, and is read as an attribute.

        Raises
        ------
        OptionError
            If the name is taken, or reserved.
        """
        if name in self.__dict__:
            raise self._clash(name, self._roles.get(name, "plain attribute"))
        copied = asarray(asarray(array).detach(), copy=True)
        self._register(name, copied, BUFFER)

    def _held(self, roles: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        held = self.__dict__
        return (
            (name, held[name]) for name, role in self._roles.items() if role in roles
        )

    # --- walking the tree --------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over the modules that this one holds directly, with their names."""
        return self._held((MODULE,))

    def children(self) -> Iterator[Module]:
        """Iterate over the modules that this one holds directly."""
        return (child for _, child in self.named_children())

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Iterate over this module, named ``""``, and all inside it, each once."""
        return self._walk(unique=True)

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all inside it, each once."""
        return (module for _, module in self._walk(unique=True))

    def _walk(self, *, unique: bool) -> Iterator[tuple[str, Module]]:
        stack: list[tuple[str, Module]] = [("", self)]
        seen: set[int] = set()
        while stack:
            path, module = stack.pop()
            if unique and id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            dot = f"{path}." if path else ""
            stack += [(dot + name, m) for name, m in module.named_children()][::-1]

    def _named_arrays(
        self, *roles: str, unique: bool = True
    ) -> Iterator[tuple[str, Array]]:
        seen: set[int] = set()
        for path, module in self._walk(unique=unique):
            dot = f"{path}." if path else ""
            for name, array in module._held(roles):
                if not unique or id(array) not in seen:
                    seen.add(id(array))
                    yield dot + name, array

    def named_parameters(self) -> Iterator[tuple[str, Array]]:
        """Iterate over the parameters with their names, each once."""
        return self._named_arrays(*_PARAMETERS)

    def parameters(self) -> Iterator[Array]:
        """Iterate over the parameters, each once: what an optimizer takes."""
        return (array for _, array in self._named_arrays(*_PARAMETERS))

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """Iterate over the buffers with their names, each once."""
        return self._named_arrays(BUFFER)

    def buffers(self) -> Iterator[Array]:
        """Iterate over the buffers, each once."""
        return (array for _, array in self._named_arrays(BUFFER))

    def num_parameters(self) -> int:
        """Return the number of elements of all parameters; a shared one counts once."""
        return sum(p.size for p in self.parameters())

    # --- what it does ------------------------------------------------------------------

    def train(self: Self, mode: bool = True) -> Self:
        """Switch to training (or, with False, to evaluation), for all inside; return self."""
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation, for all inside; return self."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            if type(p._node) is Leaf:
                p._node.grad = None

    def requires_grad_(self: Self, value: bool = True) -> Self:
        """Train the parameters, or do not; return self.

        A frozen parameter gets no gradient from `Array.backward`, and a gradient of 0
        from the transforms.
        """
        for module in self.modules():
            for name, p in module._held(_PARAMETERS):
                p.requires_grad = value
                module._roles[name] = PARAMETER if value else FROZEN
        return self

    def freeze(self: Self) -> Self:
        """Stop training the parameters, as ``requires_grad_(False)``; return self."""
        return self.requires_grad_(False)

    def to(
        self: Self, device: Any = None, *, like: Any = None, dtype: Any = None
    ) -> Self:
        """Move parameters and buffers, in place, and return self.

        The parameters stay the same leaves, with their gradients. Move a model before an
        optimizer is made for it: the optimizer keeps its parameters in one buffer.

        Parameters
        ----------
        device : str, Device or a library's own device, optional
            ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"``; or a device object of another
            array library, which moves the model into that library.
        like : array, optional
            Move to the library and the device of this array instead.
        dtype : str or dtype, optional
            Cast what is real floating point, to ``"float32"`` or ``"float64"``, say.

        Raises
        ------
        DeviceError
            If the device is unknown or does not work.
        DTypeError
            If `dtype` is not real floating point.

        Examples
        --------
        >>> from xpnet.nn import Linear
        >>> Linear(2, 1, rng=0).to(dtype="float64").weight.dtype
        dtype('float64')
        """
        arrays = [x for _, x in self._named_arrays(*_ARRAYS)]
        state.move(arrays, device, like, dtype)
        return self

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter and buffer by name; PyTorch's names.

        PyTorch's is not a copy: there, later training changes it.

        Examples
        --------
        >>> from xpnet.nn import Linear, Sequential
        >>> sorted(Sequential(Linear(2, 1, rng=0)).state_dict())
        ['0.bias', '0.weight']
        """
        found = {name: array for name, array in self._state()}
        return {name: Array(x._lib.copy(x.data), x._lib) for name, x in found.items()}

    def _state(self) -> Iterator[tuple[str, Array]]:
        """Iterate over parameters, then buffers, module by module; shared ones each time."""
        for path, module in self._walk(unique=False):
            dot = f"{path}." if path else ""
            for roles in (_PARAMETERS, (BUFFER,)):
                yield from ((dot + name, x) for name, x in module._held(roles))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True
    ) -> LoadReport:
        """Copy values into the parameters and buffers, in place.

        Parameters
        ----------
        state_dict : mapping of str to array
            `Array`, NumPy arrays or PyTorch tensors, cast to the dtype they go to.
        strict : bool
            Whether the names must be exactly the model's own.

        Returns
        -------
        LoadReport
            The names that were missing and those that were not expected.

        Raises
        ------
        OptionError
            If names are missing or unexpected, and `strict`.
        ShapeError
            If shapes differ. Nothing has been changed then.

        Examples
        --------
        >>> from xpnet.nn import Linear
        >>> one, two = Linear(2, 1, rng=0), Linear(2, 1, rng=1)
        >>> two.load_state_dict(one.state_dict())
        LoadReport(missing_keys=[], unexpected_keys=[])
        """
        own = dict(self._state())
        report = LoadReport(
            [name for name in own if name not in state_dict],
            [name for name in state_dict if name not in own],
        )
        if strict and any(report):
            raise OptionError(
                f"load_state_dict: the names do not fit {type(self).__name__}: missing "
                f"{report.missing_keys}, unexpected {report.unexpected_keys}. Pass "
                "strict=False to load the others."
            )
        state.load({k: (x, state_dict[k]) for k, x in own.items() if k in state_dict})
        return report

    # --- as a container of its parameters: see xpnet.trees --------------------------------

    def tree_leaves(self) -> list[Array]:
        """Return the parameters, each once."""
        return list(self.parameters())

    def tree_rebuild(self: Self, leaves: list[Any]) -> Self:
        """Return a copy of the module that holds `leaves` as its parameters.

        Buffers and other attributes are shared. A frozen parameter is held without its
        past, so that its gradient is 0.
        """
        old = self.tree_leaves()
        new = {id(p): leaf for p, leaf in zip(old, leaves, strict=True)}
        for p in {id(p): p for _, p in self._named_arrays(FROZEN)}.values():
            new[id(p)] = _without_past(new[id(p)])
        return self._copied(new, {})

    def _copied(self: Self, new: dict[int, Any], done: dict[int, Module]) -> Self:
        """Return a structural copy with other parameters; modules used twice stay one."""
        copied: Any = done.get(id(self))
        if copied is None:
            copied = done[id(self)] = object.__new__(type(self))
            held = copied.__dict__
            held.update(self.__dict__)
            held["_roles"] = dict(self._roles)
            for name, role in self._roles.items():
                if role == MODULE:
                    held[name] = held[name]._copied(new, done)
                elif role != BUFFER:
                    held[name] = new[id(held[name])]
        result: Self = copied
        return result

    def __copy__(self: Self) -> Self:
        return self._copied({id(p): p for p in self.parameters()}, {})


def _is_leaf(value: Any) -> bool:
    return type(value) is Array and type(value._node) is Leaf


def _without_past(value: Any) -> Any:
    return value.detach() if type(value) is Array else value
