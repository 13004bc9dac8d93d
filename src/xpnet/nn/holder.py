"""What a module holds, by role and by name, and walking over it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.tape import Leaf, Node
from ..errors import GradientError, OptionError

__all__ = [
    "ARRAYS",
    "BUFFER",
    "BUFFERS",
    "FROZEN",
    "MODULE",
    "PARAMETER",
    "PARAMETERS",
    "Holder",
]

PARAMETER, FROZEN, MODULE = "parameter", "frozen parameter", "module"
BUFFER, UNSAVED = "buffer", "unsaved buffer"
PARAMETERS = (PARAMETER, FROZEN)
BUFFERS = (BUFFER, UNSAVED)
ARRAYS = PARAMETERS + BUFFERS

Self = TypeVar("Self", bound="Holder")


class Holder:
    """An object that knows which of its attributes are parameters, buffers and modules.

    Each value stands in the object's own dict, so that reading it costs nothing extra;
    beside it, ``_roles`` says what the name stands for. Both are there before
    ``__init__`` runs.
    """

    _reserved: ClassVar[frozenset[str]] = frozenset()
    _roles: dict[str, str]
    _rebuilt: bool = False

    def __new__(cls: type[Self], *args: Any, **options: Any) -> Self:
        """Return an object that holds nothing yet."""
        self = super().__new__(cls)
        self.__dict__["_roles"] = {}
        return self

    # --- what it holds ----------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        role = self._roles.get(name)
        if hasattr(getattr(type(self), name, None), "__set__"):  # a property
            object.__setattr__(self, name, value)
        elif isinstance(value, Holder):
            self._set_module(name, value, role)
        elif type(value) is Array:
            self._set_array(name, value, role)
        elif role in ARRAYS and value is not None:
            raise OptionError(
                f"{type(self).__name__}.{name} is a {role}: assign an xpnet Array (or "
                f"None to remove it), not a {type(value).__name__}."
            )
        else:
            self._refuse_hidden(name, value)
            self._roles.pop(name, None)
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._roles.pop(name, None)

    def _set_module(self, name: str, value: Holder, role: str | None) -> None:
        if role in ARRAYS:
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
                f"{type(self).__name__}.{name}: this array was computed on the tape "
                f"(by {node.row.name}); a module holds leaves. Assign x.detach() to "
                "keep the values, nn.Parameter(x) to train them, or return x from "
                "forward."
            )
        if role == MODULE:
            raise self._clash(name, role)
        if role == PARAMETER:
            value = value if node is not None else asarray(value, requires_grad=True)
        elif role in (FROZEN, *BUFFERS):
            value = value.detach() if node is not None else value
        if role is not None or node is not None:
            self._register(name, value, role or PARAMETER)
        else:
            object.__setattr__(self, name, value)

    def _register(self, name: str, value: Any, role: str) -> None:
        if not name or "." in name:
            raise OptionError(
                f"{name!r} cannot name a {role}: names are not empty and have no dot, "
                "which separates the names of nested modules."
            )
        if name in self._reserved:
            raise OptionError(
                f"{name!r} cannot name a {role}: a {type(self).__name__} has an "
                "attribute of that name already. Choose another."
            )
        self._roles[name] = role
        self.__dict__[name] = value

    def _clash(self, name: str, role: str) -> OptionError:
        return OptionError(
            f"{type(self).__name__}.{name} is a {role} already: delete it first (del), "
            "or choose another name."
        )

    def _refuse_hidden(self, name: str, value: Any) -> None:
        """Refuse modules and parameters in a list: nothing would train them."""
        if isinstance(value, _CONTAINERS) and _hides(value):
            raise OptionError(
                f"{type(self).__name__}.{name}: modules and parameters inside a "
                f"{type(value).__name__} are not seen. Use nn.ModuleList, "
                "nn.ModuleDict, nn.ParameterList or nn.ParameterDict."
            )

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Keep a copy of an array that belongs to the state but is not trained.

        It moves with `to` and is read as an attribute. It is part of `state_dict`,
        unless `persistent` is False.

        Raises
        ------
        OptionError
            If the name is taken, or reserved.
        """
        self._refuse_taken(name)
        copied = asarray(asarray(array).detach(), copy=True)
        self._register(name, copied, BUFFER if persistent else UNSAVED)

    def register_parameter(self, name: str, array: Array | None) -> None:
        """Hold a parameter under a name that is known when the program runs.

        Raises
        ------
        OptionError
            If the name is taken or reserved, or `array` is no leaf: see `Parameter`.
        """
        self._refuse_taken(name)
        if array is not None and not _is_leaf(array):
            raise OptionError(
                f"{type(self).__name__}.{name}: a parameter is an Array made by "
                f"nn.Parameter(values), not a {type(array).__name__}."
            )
        setattr(self, name, array)

    def register_module(self, name: str, module: Any) -> None:
        """Hold a module under a name that is known when the program runs.

        Raises
        ------
        OptionError
            If the name is taken or reserved, or `module` is none.
        """
        self._refuse_taken(name)
        if module is not None and not isinstance(module, Holder):
            raise OptionError(
                f"{type(self).__name__}.{name}: a {type(module).__name__} is not a "
                "Module."
            )
        setattr(self, name, module)

    add_module = register_module

    def _refuse_taken(self, name: str) -> None:
        if name in self.__dict__:
            raise self._clash(name, self._roles.get(name, "plain attribute"))

    def _is_frozen(self, name: str) -> bool:
        """Tell whether a parameter is not trained.

        The array says so, however it was told; in a module that a transform made, whose
        values need not be leaves, its role does.
        """
        if self._rebuilt:
            return self._roles[name] == FROZEN
        return not self.__dict__[name].requires_grad

    def _held(self, roles: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        held = self.__dict__
        return (
            (name, held[name]) for name, role in self._roles.items() if role in roles
        )

    # --- walking the tree -------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """Iterate over the modules that this one holds directly, with their names."""
        return self._held((MODULE,))

    def children(self) -> Iterator[Any]:
        """Iterate over the modules that this one holds directly."""
        return (child for _, child in self.named_children())

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """Iterate over this module, named ``""``, and all inside it, each once."""
        return self._walk(unique=True)

    def modules(self) -> Iterator[Any]:
        """Iterate over this module and all inside it, each once."""
        return (module for _, module in self._walk(unique=True))

    def _walk(self, *, unique: bool) -> Iterator[tuple[str, Any]]:
        stack: list[tuple[str, Any]] = [("", self)]
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

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Array]]:
        """Iterate over the parameters with their names, each once.

        `prefix` and a dot come before the names. Without `recurse`, only those that
        this module holds itself; without `remove_duplicate`, shared ones at each place.
        """
        return self._chosen(PARAMETERS, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Array]:
        """Iterate over the parameters, each once: what an optimizer takes."""
        return (array for _, array in self._chosen(PARAMETERS, "", recurse, True))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Array]]:
        """Iterate over the buffers with their names, as `named_parameters` does."""
        return self._chosen(BUFFERS, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Array]:
        """Iterate over the buffers, each once."""
        return (array for _, array in self._chosen(BUFFERS, "", recurse, True))

    def _chosen(
        self, roles: tuple[str, ...], prefix: str, recurse: bool, unique: bool
    ) -> Iterator[tuple[str, Array]]:
        dot = f"{prefix}." if prefix else ""
        found = self._named_arrays(*roles, unique=unique)
        if not recurse:
            own = {name for name, _ in self._held(roles)}
            found = ((name, x) for name, x in found if name in own)
        return ((dot + name, x) for name, x in found)

    def apply(self: Self, function: Callable[[Any], Any]) -> Self:
        """Call a function with every module inside, and this one last; return self.

        Examples
        --------
        >>> from xpnet.nn import Linear, ReLU, Sequential
        >>> model = Sequential(Linear(2, 1, rng=0), ReLU())
        >>> done = model.apply(lambda module: print(type(module).__name__))
        Linear
        ReLU
        Sequential
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def get_submodule(self, target: str) -> Any:
        """Return the module of a name such as ``"encoder.0"``; ``""`` is this one.

        Raises
        ------
        OptionError
            If there is none.
        """
        module: Any = self
        for at, name in enumerate(target.split(".") if target else []):
            if module._roles.get(name) != MODULE:
                found = [n for n, _ in module.named_children()]
                path = ".".join(target.split(".")[:at]) or type(self).__name__
                raise OptionError(
                    f"get_submodule: {path} has no module {name!r}; it has {found}."
                )
            module = module.__dict__[name]
        return module

    def get_parameter(self, target: str) -> Array:
        """Return the parameter of a name such as ``"encoder.0.weight"``.

        Raises
        ------
        OptionError
            If there is none.
        """
        return self._get(target, PARAMETERS, "get_parameter")

    def get_buffer(self, target: str) -> Array:
        """Return the buffer of a name such as ``"norm.running_mean"``.

        Raises
        ------
        OptionError
            If there is none.
        """
        return self._get(target, BUFFERS, "get_buffer")

    def _get(self, target: str, roles: tuple[str, ...], what: str) -> Array:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if module._roles.get(name) not in roles:
            found = [n for n, _ in module._held(roles)]
            raise OptionError(
                f"{what}: {path or type(self).__name__} has no {name!r}; it has "
                f"{found}."
            )
        return module.__dict__[name]  # type: ignore[no-any-return]


_CONTAINERS = (list, tuple, dict, set, frozenset, deque)


def _hides(value: Any) -> bool:
    """Tell whether a container has modules or parameters in it, however deep."""
    stack, seen = [value], set()
    while stack:
        part = stack.pop()
        if isinstance(part, Holder) or _is_leaf(part):
            return True
        if isinstance(part, _CONTAINERS) and id(part) not in seen:
            seen.add(id(part))
            stack.extend(part.values() if isinstance(part, dict) else part)
    return False


def _is_leaf(value: Any) -> bool:
    return type(value) is Array and type(value._node) is Leaf
