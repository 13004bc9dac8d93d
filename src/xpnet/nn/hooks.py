"""Hooks: functions that look at what a module takes and gives, and at gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from ..calculus.array import Array
from ..calculus.tape import is_recording
from ..calculus.watch import watch, watched
from ..errors import OptionError
from ..trees import flatten

if TYPE_CHECKING:
    from .waiting import Waiting

__all__ = ["Handle", "Hooked", "Hooks", "watch"]

Hook = Callable[..., Any]


@final
class Handle:
    """A registered hook; `remove` takes it away, and so does the end of a block.

    Examples
    --------
    >>> from xpnet.nn import ReLU
    >>> layer = ReLU()
    >>> with layer.register_forward_hook(lambda layer, args, out: print(out.data)):
    ...     out = layer([-1.0, 2.0])
    [0. 2.]
    >>> out = layer([-1.0, 2.0])
    """

    def __init__(self, module: Any, kind: str) -> None:
        self._module, self._kind = module, kind

    def remove(self) -> None:
        """Take the hook away; a second time changes nothing."""
        hooks = self._module.__dict__.get("_detour")
        if type(hooks) is Hooks:
            getattr(hooks, self._kind).pop(self, None)
            if hooks.is_empty():
                self._module.__dict__["_detour"] = hooks.waiting

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


@final
class Hooks:
    """What a module with hooks does when it is called, in place of `forward` alone.

    Copies and pickles of a module have no hooks: these were given to one object.
    """

    def __init__(self, waiting: Waiting | None) -> None:
        self.waiting = waiting
        self.before: dict[Handle, tuple[Hook, bool]] = {}
        self.after: dict[Handle, tuple[Hook, bool]] = {}
        self.backward: dict[Handle, tuple[Hook, bool]] = {}

    def is_empty(self) -> bool:
        """Tell whether there is no hook left."""
        return not (self.before or self.after or self.backward)

    def __reduce__(self) -> Any:
        return _without_hooks, (self.waiting,)

    def __call__(self, module: Any, *args: Any, **options: Any) -> Any:
        """Run the hooks and, between them, the module."""
        for hook, named in list(self.before.values()):
            args, options = _changed(hook, named, module, args, options)
        if self.waiting is not None:
            self.waiting.build(module, *args)
            self.waiting = None
        watches = bool(self.backward) and is_recording()
        back = _Back(self, module) if watches else None
        if back is not None:
            args = back.inputs(args)
        out = module.forward(*args, **options)
        for hook, named in list(self.after.values()):
            given = (args, options, out) if named else (args, out)
            new = hook(module, *given)
            out = out if new is None else new
        return out if back is None else back.outputs(out)


def _without_hooks(waiting: Any) -> Any:
    return waiting


def _changed(
    hook: Hook, named: bool, module: Any, args: Any, options: Any
) -> tuple[Any, Any]:
    """Return the arguments after a hook has seen them."""
    if not named:
        new = hook(module, args)
        if new is None:
            return args, options
        return (new if isinstance(new, tuple) else (new,)), options
    pair = hook(module, args, options)
    if pair is None:
        return args, options
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise OptionError(
            "register_forward_pre_hook: with with_kwargs=True a hook returns None or "
            f"a pair (args, kwargs), not a {type(pair).__name__}."
        )
    return pair


class _Back:
    """The backward hooks of one call: what comes out of it and what goes in."""

    def __init__(self, hooks: Hooks, module: Any) -> None:
        self.hooks, self.module = hooks, module
        self.places: list[int] = []  # of the arguments that are on the tape
        self.count = 0
        self.grad_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the positional arguments, watched where they are on the tape."""
        self.count = len(args)
        self.places = [
            i for i, x in enumerate(args) if type(x) is Array and x._node is not None
        ]
        new = list(args)
        found = watched([args[i] for i in self.places], self._into)
        for i, x in zip(self.places, found, strict=True):
            new[i] = x
        return tuple(new)

    def outputs(self, out: Any) -> Any:
        """Return the outputs, watched where they are on the tape."""
        leaves, rebuild = flatten(out)
        places = [
            i for i, x in enumerate(leaves) if type(x) is Array and x._node is not None
        ]

        def look(gs: list[Array | None]) -> None:
            found: list[Any] = [None] * len(leaves)
            for i, g in zip(places, gs, strict=True):
                found[i] = g
            self.grad_output = tuple(found)
            if not self.places:
                self._into([])

        new = watched([leaves[i] for i in places], look)
        for i, x in zip(places, new, strict=True):
            leaves[i] = x
        return rebuild(leaves)

    def _into(self, gs: list[Array | None]) -> list[Any]:
        """Call the hooks, and return the gradients of the arguments on the tape."""
        found: list[Any] = [None] * self.count
        for i, g in zip(self.places, gs, strict=True):
            found[i] = g
        grads = tuple(found)
        for hook, _ in list(self.hooks.backward.values()):
            new = hook(self.module, grads, self.grad_output)
            if new is not None:
                grads = new if isinstance(new, tuple) else (new,)
                if len(grads) != self.count:
                    raise OptionError(
                        f"a backward hook returned {len(grads)} gradients for "
                        f"{self.count} arguments."
                    )
        return [grads[i] for i in self.places]


class Hooked:
    """An object whose calls can be watched, and that may wait for its first input."""

    _detour: Callable[..., Any] | None = None
    """What is called in place of `forward`: hooks, or a layer that waits for a size."""

    @property
    def _waiting(self) -> Waiting | None:
        """What it waits with for its first input; None if it has its parameters."""
        detour: Any = self._detour
        return detour.waiting if type(detour) is Hooks else detour

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args)`` before each `forward`.

        Parameters
        ----------
        hook : callable
            Returns None, or the arguments to use instead: a tuple, or one argument.
            With `with_kwargs`, takes ``(module, args, kwargs)`` and returns None or
            ``(args, kwargs)``.
        prepend : bool
            Whether it comes before those that are there already.

        Returns
        -------
        Handle
            ``handle.remove()`` takes the hook away; so does the end of a ``with``
            block. Copies and pickles of a module have no hooks.

        Examples
        --------
        >>> from xpnet.nn import ReLU
        >>> layer = ReLU()
        >>> handle = layer.register_forward_pre_hook(lambda layer, args: [[-1.0, 3.0]])
        >>> layer([5.0]).data
        array([[0., 3.]])
        """
        return self._hook("before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args, output)`` after each `forward`.

        What it returns, unless None, replaces the output. With `with_kwargs`, it takes
        ``(module, args, kwargs, output)``. See `register_forward_pre_hook`.

        Examples
        --------
        >>> from xpnet.nn import ReLU
        >>> layer = ReLU()
        >>> handle = layer.register_forward_hook(lambda layer, args, out: 10.0 * out)
        >>> layer([-1.0, 2.0]).data
        array([ 0., 20.])
        >>> handle.remove()
        >>> layer([-1.0, 2.0]).data
        array([0., 2.])
        """
        return self._hook("after", hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_input, grad_output)`` in each backward pass.

        Parameters
        ----------
        hook : callable
            `grad_output` is a tuple with the gradient of each array of the output,
            `grad_input` one with that of each positional argument; None stands for what
            has none. It may return another `grad_input`, which then goes on.
        prepend : bool
            Whether it comes before those that are there already.

        Notes
        -----
        The gradients of parameters are not part of it: see their ``.grad``. Where no
        argument is on the tape, the hook is called when the gradient of the output is
        known. `nn.watch` does the same for one array.

        Examples
        --------
        >>> from xpnet import asarray, xp
        >>> from xpnet.nn import ReLU
        >>> layer = ReLU()
        >>> handle = layer.register_full_backward_hook(
        ...     lambda layer, into, out: print(into[0].data, out[0].data)
        ... )
        >>> xp.sum(layer(asarray([-1.0, 2.0], requires_grad=True))).backward()
        [0. 1.] [1. 1.]
        """
        return self._hook("backward", hook, prepend, False)

    def _hook(self, kind: str, hook: Hook, prepend: bool, named: bool) -> Handle:
        if not callable(hook):
            raise OptionError(
                f"{type(self).__name__}: a hook is a function, not a "
                f"{type(hook).__name__}."
            )
        if type(self._detour) is not Hooks:
            self.__dict__["_detour"] = Hooks(self._waiting)
        kept = getattr(self._detour, kind)
        handle = Handle(self, kind)
        others = dict(kept) if prepend else {}
        if prepend:
            kept.clear()
        kept[handle] = (hook, named)
        kept.update(others)
        return handle
