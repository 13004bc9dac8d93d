"""Layers that wait for their first input, to learn how large it is."""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from typing import Any, final

from ..errors import OptionError, ShapeError, XpnetError
from .hooks import Hooks

__all__ = ["Waiting", "build_from", "count", "refuse_waiting"]


@final
class Waiting:
    """What a layer does at its first call: build its parameters, then run.

    Parameters
    ----------
    what : str
        The option that was not given, ``"in_features"``.
    axis : int
        The axis of the input that has its size.
    """

    def __init__(self, what: str, axis: int) -> None:
        self.what, self.axis = what, axis
        self.later: list[tuple[str, tuple[Any, ...]]] = []  # calls for when it is built

    def __call__(self, module: Any, x: Any, *args: Any, **options: Any) -> Any:
        """Build the parameters beside `x`, then run the layer."""
        self.build(module, x)
        return module(x, *args, **options)

    def build(self, module: Any, x: Any, *_args: Any) -> None:
        """Build the parameters for an input."""
        shape = _shape(x)
        if not -len(shape) <= self.axis < len(shape):
            raise ShapeError(
                f"{type(module).__name__}: {self.what} is taken from axis {self.axis} "
                f"of the first input, which x of shape {shape} does not have."
            )
        self.settle(module, shape[self.axis])

    def settle(self, module: Any, size: int) -> None:
        """Build the parameters for a size, and do what was asked for before."""
        module._build(count(type(module).__name__, self.what, size))
        hooks = module.__dict__.pop("_detour", None)
        if type(hooks) is Hooks:
            hooks.waiting = None
            module.__dict__["_detour"] = hooks
        for name, args in self.later:
            getattr(module, name)(*args)


def _shape(x: Any) -> tuple[int, ...]:
    if isinstance(x, (list, tuple)):
        return (len(x), *_shape(x[0])) if x else (0,)
    return tuple(getattr(x, "shape", ()))


def refuse_waiting(model: Any, what: str) -> None:
    """Raise OptionError if a layer of a model has no parameters yet."""
    for path, module in model.named_modules():
        waiting = module._waiting
        if waiting is not None:
            where = f" ({path})" if path else ""
            raise OptionError(
                f"{what}: {type(module).__name__}{where} has no parameters yet: its "
                f"{waiting.what} is taken from the first input. Run one input through "
                "the model first, or call nn.summary(model, x)."
            )


def build_from(model: Any, state: Mapping[str, Any]) -> None:
    """Build the layers of a model that wait, for the shapes of a state.

    The size is one for which the layer has exactly the arrays of the state.
    """
    for path, module in model.named_modules():
        waiting = module._waiting
        if waiting is None:
            continue
        dot = f"{path}." if path else ""
        shapes = {
            name[len(dot) :]: _shape(value)
            for name, value in state.items()
            if name.startswith(dot)
        }
        size = _fitting_size(module, waiting, shapes)
        if size is None:
            raise ShapeError(
                f"load_state_dict: {type(module).__name__} ({path or 'the model'}) has "
                f"no parameters yet, and no {waiting.what} gives it those of the "
                f"state: {shapes or 'none of them'}."
            )
        waiting.settle(module, size)


def _fitting_size(module: Any, waiting: Waiting, shapes: Any) -> int | None:
    """Return the size for which a layer has arrays of given shapes, if there is one."""
    numbers: set[int] = {n for shape in shapes.values() for n in shape}
    groups = getattr(module, "groups", 1)
    for size in sorted(numbers | {n * groups for n in numbers}):
        trial = copy.deepcopy(module)
        try:
            trial._build(size)
        except XpnetError:
            continue
        optional = trial._optional_names() - shapes.keys()
        made = {k: x.shape for k, x in trial._all_state() if k not in optional}
        if made == shapes:
            return size
    return None


def count(layer: str, what: str, value: Any, least: int = 1) -> int:
    """Return an option that is an integer of at least `least`, or raise OptionError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise OptionError(
            f"{layer}: {what} is an integer of at least {least}, not {value!r}."
        )
    return number
