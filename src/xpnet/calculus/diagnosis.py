"""Find the operation that made the first NaN or infinity, forward or backward.

While somebody watches, four functions of the engine are exchanged for ones that look at
every result: the look-up of a library's function and of a twin (forward), and the two
that run a row's rule (backward, and forward mode). When the last watcher has gone the
engine is what it was: nothing is asked on its path, and watching costs nothing when it
is off.

What a rule computes on its way is not looked at, only what it returns: a stable rule
may pass through an infinity that it then masks.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..backend.base import Functions
from ..backend.library import Library, library_of
from ..kernels.twin import Twins
from . import tape
from .array import Array
from .convert import SCALARS
from .flaws import look
from .kinds.custom import CustomCall
from .kinds.linear import Call
from .kinds.several import Cotangents
from .rule import TABLE
from .tape import Node, users_place

__all__ = ["detect_nonfinite", "is_watching"]


# None when nobody watches here; else whether infinities count
_watch: contextvars.ContextVar[bool | None] = contextvars.ContextVar(
    "xpnet_watch", default=None
)
_before: contextvars.ContextVar[tuple[tuple[object, bool | None], ...]] = (
    contextvars.ContextVar("xpnet_watch_before", default=())
)


def is_watching() -> bool:
    """Tell whether results are watched here, in this thread or task."""
    return _watch.get() is not None


class detect_nonfinite(contextlib.ContextDecorator):
    """Raise at the first operation that makes a NaN or an infinity, and name it.

    Every function of the table is watched inside the ``with`` block, in this thread or
    task, and every rule of a derivative that runs there: a NaN where no NaN went in,
    and an infinity where only finite numbers went in. Values that are not finite when
    they come in are nobody's fault and pass. Also a decorator. This is slow (each
    result is read once more); outside the block it costs nothing.

    Parameters
    ----------
    infinities : bool
        Whether infinities count as well; otherwise NaN alone.

    Raises
    ------
    NonFiniteError
        Names the operation, the range of each of its arguments, the first bad element,
        and the line that called it (for a derivative: that recorded it).

    Notes
    -----
    ``torch.autograd.detect_anomaly`` looks at the backward pass alone, and at NaN.

    Examples
    --------
    >>> with detect_nonfinite():
    ...     xn.grad(lambda x: xp.sqrt(x) + 1.0)(0.0)
    Traceback (most recent call last):
        ...
    xpnet.errors.NonFiniteError: the backward rule of sqrt made inf, out of finite ...
    """

    def __init__(self, *, infinities: bool = True) -> None:
        self._infinities = infinities

    def __enter__(self) -> None:
        _before.set((*_before.get(), (self, _watch.get())))
        _watch.set(self._infinities)
        _exchange.more()

    def __exit__(self, *_error: object) -> None:
        kept = _before.get()
        i = len(kept) - 1
        while i >= 0 and kept[i][0] is not self:
            i -= 1
        if i >= 0:
            _watch.set(kept[i][1])
            _before.set(kept[:i] + kept[i + 1 :])
        _exchange.less()


class _Exchange:
    """How many watch, in all threads, and the engine's functions meanwhile."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watchers = 0

    def more(self) -> None:
        """Exchange the functions when the first watcher comes."""
        with self.lock:
            self.watchers += 1
            if self.watchers == 1:
                Functions.__getitem__ = _looked_up  # type: ignore
                Twins.get = _twin_found  # type: ignore
                tape._pulled = _watched_pull
                tape._pushed = _watched_push

    def less(self) -> None:
        """Put the engine's own functions back when the last watcher has gone."""
        with self.lock:
            self.watchers -= 1
            if self.watchers == 0:
                del Functions.__getitem__, Twins.get
                tape._pulled, tape._pushed = _pulled, _pushed


_exchange = _Exchange()
_pulled, _pushed = tape._pulled, tape._pushed
_UNWRITTEN = frozenset({"empty", "empty_like"})  # they hold whatever was there


@contextlib.contextmanager
def _not_watching() -> Iterator[None]:
    """Let a rule compute what it likes on its way."""
    token = _watch.set(None)
    try:
        yield
    finally:
        _watch.reset(token)


# --- forward --------------------------------------------------------------------------


def _looked_up(functions: Functions, name: str) -> Any:
    """Return a library's function, watched where a row of the table calls it."""
    found = dict.__getitem__(functions, name)
    infinities = _watch.get()
    if infinities is None or name not in TABLE or name in _UNWRITTEN:
        return found
    return functools.partial(_called, infinities, functions.library, name, found)


def _called(
    infinities: bool,
    lib: Library,
    name: str,
    function: Callable[..., Any],
    *args: Any,
    **options: Any,
) -> Any:
    out = function(*args, **options)
    given = [*zip(_parameters(name), args, strict=False), *options.items()]
    look(infinities, lib, name, given, out, users_place)
    return out


def _twin_found(twins: Twins, key: tuple[str, str], default: Any = None) -> Any:
    """Return a twin whose results are watched."""
    twin = dict.get(twins, key, default)
    infinities = _watch.get()
    return (
        twin
        if infinities is None or twin is None
        else _Watched(infinities, key[0], twin)
    )


class _Watched:
    """A twin, and a look at what it returns."""

    def __init__(self, infinities: bool, name: str, twin: Any) -> None:
        self.infinities, self.name, self.twin = infinities, name, twin
        self.backward = twin.backward

    def forward(self, needs: tuple[bool, ...], *args: Any, **options: Any) -> Any:
        """Return what the twin returns, if it is finite."""
        made = self.twin.forward(needs, *args, **options)
        if made is not None:
            given = [*zip(_parameters(self.name), args, strict=False)]
            lib = _library_of_any(args)
            look(self.infinities, lib, self.name, given, made[0], users_place)
        return made


def _library_of_any(args: Any) -> Library:
    """Return the library of the first array among raw arguments."""
    libs = (library_of(a) for a in args if a is not None and type(a) not in SCALARS)
    return next(lib for lib in libs if lib is not None)


# --- derivatives ----------------------------------------------------------------------


def _watched_pull(
    node: Node, parents: Any, g: Any, cotangents: Any, higher: bool
) -> Any:
    """Run a row's backward rule, and look at the cotangents and at their sums."""
    infinities = _watch.get()
    if infinities is None or node.row.nested:  # its own walk comes here
        return _pulled(node, parents, g, cotangents, higher)
    given = [("the cotangent", _raw(g)), *_saved(node)]
    with _not_watching():
        parts = _pulled(node, parents, g, cotangents, higher)
    where = functools.partial(_recorded, node)
    name = f"the backward rule of {node.row.name}"
    for parent, part in zip(parents, parts, strict=False):
        if parent is None or part is None:
            continue
        raw = _raw(part)
        look(infinities, node.lib, name, given, raw, where)
        if parent in cotangents:
            _look_at_sum(infinities, node, cotangents[parent], part)
    return parts


def _look_at_sum(infinities: bool, node: Node, one: Any, other: Any) -> None:
    """Look at the sum of two cotangents of one array."""
    name = f"the sum of two cotangents, one of them from {node.row.name},"
    where = functools.partial(_recorded, node)
    if type(one) is Cotangents:
        pairs = [(one.parts[i], other.parts[i]) for i in one.parts if i in other.parts]
    else:
        pairs = [(one, other)]
    for a, b in ((_raw(a), _raw(b)) for a, b in pairs):
        given = [("one", a), ("the other", b)]
        look(infinities, node.lib, name, given, a + b, where)


def _watched_push(node: Node, incoming: list[Any], higher: bool) -> Any:
    """Run a row's forward rule, and look at the tangent that it returns."""
    infinities = _watch.get()
    if infinities is None or node.row.nested:
        return _pushed(node, incoming, higher)
    given = [("the tangent", _raw(t)) for t in incoming if t is not None]
    given += _saved(node)
    with _not_watching():
        out = _pushed(node, incoming, higher)
    name = f"the forward rule of {node.row.name}"
    where = functools.partial(_recorded, node)
    look(infinities, node.lib, name, given, _raw(out), where)
    return out


def _recorded(node: Node) -> str:
    return f"recorded at {node.where()}"


def _saved(node: Node) -> list[tuple[str, Any]]:
    """Return what the rule of a node is given besides the cotangent, by name."""
    saved = node.saved
    if isinstance(saved, CustomCall):
        given = enumerate(map(_raw, saved.leaves))
        outs = ("the result", [_raw(out) for out in saved.outs])
        return [*((f"argument {i}", x) for i, x in given), outs]
    if not isinstance(saved, tuple):
        return [("the saved value", saved)]
    values = saved.arrays if isinstance(saved, Call) else saved
    names = [*_parameters(node.row.name)][: len(node.parents)]
    return [*zip([*names, "the result"], values, strict=False)]


# --- names and raw arrays ------------------------------------------------------------


@functools.cache
def _parameters(name: str) -> tuple[str, ...]:
    """Return the names of a row's parameters, and then of any number of others."""
    names = inspect.signature(TABLE[name].function).parameters
    return (*names, *(f"argument {i}" for i in range(len(names), 64)))


def _raw(value: Any) -> Any:
    """Return cotangents as they are in the library: arrays, or a list of them."""
    if type(value) is Array:
        return value.data
    if type(value) is Cotangents:
        return [_raw(part) for part in value.parts.values()]
    return [_raw(part) for part in value] if isinstance(value, tuple) else value
