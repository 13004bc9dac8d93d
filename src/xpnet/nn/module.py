"""The base of every layer and model: what can be done with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.tape import Leaf
from ..errors import OptionError
from . import state, tree
from .holder import (
    ARRAYS,
    BUFFER,
    BUFFERS,
    FROZEN,
    MODULE,
    PARAMETER,
    PARAMETERS,
    Holder,
)
from .hooks import Hooked
from .waiting import Waiting, build_from, count, refuse_waiting

__all__ = ["LoadReport", "Module", "Parameter"]

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


class Module(Hooked, Holder, ABC):
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
    _optional: ClassVar[tuple[str, ...]] = ()  # names that a state may lack

    @abstractmethod
    def forward(self, *args: Any, **options: Any) -> Any:
        """Compute the result; called by ``module(...)``."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Return what `forward` returns."""
        if self._detour is None:
            return self.forward(*args, **options)
        return self._detour(self, *args, **options)

    def _build_when_known(self, size: Any, what: str, axis: int) -> None:
        """Call ``self._build(size)``; if `size` is None, with that of the first input.

        `what` names the option in messages, and `axis` is where an input has the size.
        """
        if size is None:
            self.__dict__.setdefault(what, None)  # for the repr
            self.__dict__["_detour"] = Waiting(what, axis)
        else:
            self._build(count(type(self).__name__, what, size))

    def _build(self, size: int) -> None:
        """Make the parameters, once the size of the input is known."""

    def extra_repr(self) -> str:
        """Return the options that `repr` shows between the parentheses."""
        return ""

    def __repr__(self) -> str:
        return tree.describe(self)

    def num_parameters(self) -> int:
        """Return the number of elements of all parameters; a shared one counts once."""
        return sum(p.size for p in self.parameters())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Array]]:
        """Iterate over the parameters with their names, each once.

        Parameters
        ----------
        prefix : str
            Comes before the names, with a dot.
        recurse : bool
            False: only those that this module holds itself.
        remove_duplicate : bool
            False: shared ones at each place.

        Raises
        ------
        OptionError
            If a layer still waits for its first input to tell its size.
        """
        refuse_waiting(self, "named_parameters")
        return super().named_parameters(prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Array]:
        """Iterate over the parameters, each once: what an optimizer takes.

        Without `recurse`, only those that this module holds itself.

        Raises
        ------
        OptionError
            If a layer still waits for its first input to tell its size.
        """
        refuse_waiting(self, "parameters")
        return super().parameters(recurse)

    # --- what it does -----------------------------------------------------------------

    def train(self: Self, mode: bool = True) -> Self:
        """Switch to training, or with False to evaluation; return self."""
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation, for all inside; return self."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; or make zeros of those there are."""
        for _, p in self._named_arrays(*PARAMETERS):
            node = p._node
            if type(node) is Leaf:
                grad = None if set_to_none else node.grad
                if grad is not None:
                    grad = Array(grad._lib.raw.zeros_like(grad.data), grad._lib)
                node.grad = grad

    def requires_grad_(self: Self, value: bool = True) -> Self:
        """Train the parameters, or do not; return self.

        A frozen parameter gets no gradient from `Array.backward`, and a gradient of 0
        from the transforms.
        """
        for module in self.modules():
            for name, p in module._held(PARAMETERS):
                p.requires_grad = value
                module._roles[name] = PARAMETER if value else FROZEN
            waiting = module._waiting
            if waiting is not None:
                waiting.later.append(("requires_grad_", (value,)))
        return self

    def freeze(self: Self) -> Self:
        """Stop training the parameters, as ``requires_grad_(False)``; return self."""
        return self.requires_grad_(False)

    def to(
        self: Self, device: Any = None, *, like: Any = None, dtype: Any = None
    ) -> Self:
        """Move parameters and buffers, in place, and return self.

        The parameters stay the same leaves, with their gradients. Move a model before
        an optimizer is made for it: the optimizer keeps its parameters in one buffer.

        Parameters
        ----------
        device : str, Device or a library's own device, optional
            ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"``; or a device object of
            another array library, which moves the model into that library.
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
        arrays = [x for _, x in self._named_arrays(*ARRAYS)]
        state.move(arrays, device, like, dtype)
        for module in self.modules():
            waiting = module._waiting
            if waiting is not None:
                waiting.later.append(("_to", (device, like, dtype)))
        return self

    def _to(self, device: Any, like: Any, dtype: Any) -> None:
        self.to(device, like=like, dtype=dtype)

    def cpu(self: Self) -> Self:
        """Move to the CPU, as ``to("cpu")``; return self."""
        return self.to("cpu")

    def cuda(self: Self, index: int = 0) -> Self:
        """Move to a GPU, as ``to("cuda:0")``; return self."""
        return self.to(f"cuda:{index}")

    def float(self: Self) -> Self:
        """Cast to float32, as ``to(dtype="float32")``; return self."""
        return self.to(dtype="float32")

    def double(self: Self) -> Self:
        """Cast to float64, as ``to(dtype="float64")``; return self."""
        return self.to(dtype="float64")

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter and buffer by name; PyTorch's names.

        PyTorch's is not a copy: there, later training changes it.

        Examples
        --------
        >>> from xpnet.nn import Linear, Sequential
        >>> sorted(Sequential(Linear(2, 1, rng=0)).state_dict())
        ['0.bias', '0.weight']
        """
        found = dict(self._state())
        return {name: Array(x._lib.copy(x.data), x._lib) for name, x in found.items()}

    def _state(self) -> Iterator[tuple[str, Array]]:
        """Return parameters, then buffers; shared ones at each place."""
        refuse_waiting(self, "state_dict")
        return self._all_state()

    def _all_state(self) -> Iterator[tuple[str, Array]]:
        for path, module in self._walk(unique=False):
            dot = f"{path}." if path else ""
            for roles in (PARAMETERS, (BUFFER,)):
                yield from ((dot + name, x) for name, x in module._held(roles))

    def _optional_names(self) -> set[str]:
        """Return the names that a state may lack."""
        return {
            f"{path}.{name}" if path else name
            for path, module in self._walk(unique=False)
            for name in module._optional
        }

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, *, prefix: str = ""
    ) -> LoadReport:
        """Copy values into the parameters and buffers, in place.

        Parameters
        ----------
        state_dict : mapping of str to array
            `Array`, NumPy arrays or PyTorch tensors, cast to the dtype they go to. It
            may lack the ``num_batches_tracked`` of BatchNorm, as files of the first
            versions of PyTorch do; the count stays then.
        strict : bool
            Whether the names must be exactly the model's own.
        prefix : str
            What names begin with, ``"module."`` say: only those that do are taken,
            without it.

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
        state.check_mapping(state_dict)
        if prefix:
            state_dict = state.without_prefix(state_dict, prefix)
        build_from(self, state_dict)
        own = dict(self._state())
        state_dict = state.by_new_names(state_dict, own)
        optional = self._optional_names()
        report = LoadReport(
            [name for name in own if name not in state_dict and name not in optional],
            [name for name in state_dict if name not in own],
        )
        if strict and any(report):
            raise OptionError(state.misfit(type(self).__name__, report, list(own)))
        state.load({k: (x, state_dict[k]) for k, x in own.items() if k in state_dict})
        return report

    # --- as a container of its parameters: see xpnet.trees ----------------------------

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
        frozen = {
            id(p)
            for module in self.modules()
            for name, p in module._held(PARAMETERS)
            if module._is_frozen(name)
        }
        for key in frozen:
            new[key] = _without_past(new[key])
        return self._copied(new, {}, frozen)

    def _copied(
        self: Self,
        new: dict[int, Any],
        done: dict[int, Module],
        frozen: set[int] | None = None,
    ) -> Self:
        """Return a structural copy with other parameters.

        With `frozen`, these are leaves of a container: their roles say what is frozen.
        """
        copied: Any = done.get(id(self))
        if copied is None:
            copied = done[id(self)] = object.__new__(type(self))
            held = copied.__dict__
            held.update(self.__dict__)
            held["_roles"] = dict(self._roles)
            if frozen is not None:
                held["_rebuilt"] = True
            for name, role in self._roles.items():
                if role == MODULE:
                    held[name] = held[name]._copied(new, done, frozen)
                elif role not in BUFFERS:
                    key = id(held[name])
                    held[name] = new[key]
                    if frozen is not None:
                        copied._roles[name] = FROZEN if key in frozen else PARAMETER
        result: Self = copied
        return result

    def __copy__(self: Self) -> Self:
        held = self._named_arrays(*PARAMETERS)
        return self._copied({id(p): p for _, p in held}, {})


def _without_past(value: Any) -> Any:
    return value.detach() if type(value) is Array else value


Module._reserved = frozenset(dir(Module))
