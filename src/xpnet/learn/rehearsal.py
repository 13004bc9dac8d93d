"""An optimizer's own step, taken by a copy: nothing of the original changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.array import Array
from ..calculus.leaves import set_grad, set_requires_grad
from ..errors import DTypeError, GradientError, OptionError
from ..optim import EMA, LBFGS, SAM, SWA, GradScaler, Lookahead, Optimizer, Schedule
from ..optim.store import Store

__all__ = ["Place", "Rehearsal", "find", "rehearse", "slow_of", "to_host"]

Raw = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in an optimizer.

    Attributes
    ----------
    outer : object
        The optimizer that was asked about, perhaps one around another.
    optimizer : Optimizer
        The one with a formula.
    group : dict
        The options of the parameter's group.
    store : Store
        Where its state is kept.
    at : int
        Its position there.
    """

    outer: Any
    optimizer: Optimizer
    group: dict[str, Any]
    store: Store
    at: int

    @property
    def number(self) -> int:
        """Its number in the whole optimizer."""
        return self.store.indices[self.at]

    @property
    def options(self) -> dict[str, Any]:
        """The options of its group that belong to the formula."""
        return {key: self.group[key] for key in self.optimizer.defaults}


@dataclass(frozen=True)
class Rehearsal:
    """What the copy did.

    Attributes
    ----------
    old, gradient, new : array
        Before the step, and after it.
    inner : array
        After the step of the optimizer inside, before that of the one around it.
    before, after : mapping of str to array
        The state of the parameter, its numbers with it.
    step : int
        Which step of the parameter this is, from 1; 0 where nobody counts.
    place : Place
        Where the copy of the parameter lies.
    """

    old: Raw
    gradient: Raw
    new: Raw
    inner: Raw
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    step: int
    place: Place


def find(outer: Any, parameter: Any) -> Place:
    """Return where a parameter lies in an optimizer, or say why it cannot be asked."""
    _is_optimizer(outer)
    optimizer = outer if isinstance(outer, Optimizer) else outer.optimizer
    for group, store, i in _places(optimizer):
        if store.arrays[i] is parameter:
            place = Place(outer, optimizer, group, store, i)
            _can_be_explained(place, parameter)
            return place
    if not isinstance(parameter, Array):
        raise OptionError(
            f"explain_step: the parameter is a {type(parameter).__name__}; give the "
            "array itself, say model[0].weight."
        )
    raise OptionError(
        f"explain_step: the array of shape {parameter.shape} is none of the parameters "
        f"of this {type(outer).__name__}. Was it computed from one?"
    )


def _places(optimizer: Optimizer) -> Iterator[tuple[dict[str, Any], Store, int]]:
    for group, stores in zip(optimizer.param_groups, optimizer.stores, strict=True):
        for store in stores:
            for i in range(len(store.arrays)):
                yield group, store, i


_NO_STEPS = {
    GradScaler: "scales losses, and its optimizer takes the steps: call "
    "scaler.unscale_(optimizer), then explain_step(optimizer, parameter)",
    EMA: "averages parameters after a step and changes none",
    SWA: "averages parameters after a step and changes none",
    Schedule: "sets learning rates, and takes no steps: explain its optimizer",
}


def _is_optimizer(outer: Any) -> None:
    for kind, reason in _NO_STEPS.items():
        if isinstance(outer, kind):
            raise OptionError(f"explain_step: {type(outer).__name__} {reason}.")
    if not isinstance(outer, (Optimizer, Lookahead, SAM)):
        raise OptionError(
            f"explain_step: the optimizer is a {type(outer).__name__}, and none of "
            "xpnet.optim."
        )


def _can_be_explained(place: Place, parameter: Array) -> None:
    """Raise what the step itself would, and what only an explanation asks for."""
    outer, store = place.outer, place.store
    store.leaf(place.at)  # which says if the parameter was computed since
    if isinstance(place.optimizer, LBFGS):
        _takes_one_step(outer, place.group)
    if isinstance(outer, SAM) and outer._before is None:
        raise OptionError(
            "explain_step: SAM steps with the gradient at w + e, which is not there "
            "yet. Call first_step(), compute the gradient anew, explain_step, and then "
            "second_step()."
        )
    if parameter.grad is None:
        raise GradientError(
            "explain_step: the parameter has no gradient, so the next step leaves it "
            "alone. Call loss.backward() first, and optimizer.step() afterwards."
        )
    if parameter._lib.is_complex(parameter.data):
        raise DTypeError(
            f"explain_step: the parameter is {parameter.dtype}; only steps of real "
            "parameters are explained."
        )
    store.fits(place.at, "value", parameter)
    store.fits(place.at, "gradient", parameter.grad)


def _takes_one_step(outer: Any, options: dict[str, Any]) -> None:
    """Refuse an L-BFGS whose step asks for more gradients than the one at hand."""
    if isinstance(outer, SAM):
        raise OptionError("explain_step: SAM takes no steps with LBFGS inside.")
    search, most = options["line_search_fn"], options["max_iter"]
    if search is not None or most > 1:
        raise OptionError(
            f"explain_step: LBFGS with max_iter={most} and line_search_fn={search!r} "
            "asks its closure for gradients on the way, which are not there yet. With "
            "max_iter=1 and no line search each of its steps can be explained."
        )


def rehearse(place: Place) -> Rehearsal:
    """Take the step with copies of the parameter and of all that it depends on.

    Each parameter steps by itself, so its own copy is enough; but the vector of L-BFGS
    is made of all of them.
    """
    optimizer, mine = _copied(place)
    (store,) = optimizer.stores[0]
    at = next(i for i, p in enumerate(store.arrays) if p is mine)
    old, gradient = to_host(mine), to_host(mine.grad)
    start = store.vector()
    optimizer.step(lambda: 0.0)
    inner = to_host(mine)
    step = store.count(at)
    if isinstance(optimizer, LBFGS):  # which may find that there is nowhere to go
        moved = store.lib.raw.any(store.vector() != start)
        step = optimizer.state["n_iter"] if moved else 0
    return Rehearsal(
        old=old,
        gradient=gradient,
        inner=inner,
        new=_followed(place) if isinstance(place.outer, Lookahead) else inner,
        before=_state(place.store, place.at),
        after=_state(store, at),
        step=step,
        place=Place(optimizer, optimizer, optimizer.param_groups[0], store, at),
    )


def _copied(place: Place) -> tuple[Optimizer, Array]:
    """Return an optimizer of copies, and the copy of the parameter."""
    source, store = place.optimizer, place.store
    whole = isinstance(source, LBFGS)
    members = list(range(len(store.arrays))) if whole else [place.at]
    values = _values(place)
    copies = [_copy(store.arrays[i], values.get(store.indices[i])) for i in members]
    kind: Any = type(source)
    optimizer: Optimizer = kind([{"params": copies, **place.options}])
    if isinstance(optimizer, LBFGS) and isinstance(source, LBFGS):
        optimizer.state = dict(source.state)
    (own,) = optimizer.stores[0]
    own.hold(store.names)
    for i, at in enumerate(members):
        numbers = dict(store.number(at))
        own.restore(i, store.count(at), numbers, store.saved(at))
    return optimizer, copies[members.index(place.at)]


def _values(place: Place) -> dict[int, Array]:
    """Return where parameters start, by their numbers, if not where they are."""
    if not isinstance(place.outer, SAM):
        return {}
    assert place.outer._before is not None
    k = place.outer.all_stores.index(place.store)
    return place.store.parted(place.outer._before[k])


def _copy(p: Array, value: Array | None) -> Array:
    """Return a parameter again, with a copy of its gradient."""
    lib = p._lib
    out = Array(lib.copy(p.data) if value is None else value.data, lib)
    set_requires_grad(out, p.requires_grad)
    if p.grad is not None:
        set_grad(out, Array(lib.copy(p.grad.data), lib))
    return out


def _followed(place: Place) -> Raw:
    """Return the parameter after a step of `Lookahead`, taken by copies again."""
    optimizer, mine = _copied(place)
    (store,) = optimizer.stores[0]
    outer = place.outer
    slow = slow_of(place)
    copy = Lookahead(optimizer, outer.k, outer.alpha)
    copy.count = outer.count
    members = place.store.indices if len(store.arrays) > 1 else [place.number]
    copy.slow = [store.joined([slow[i] for i in members])]
    copy.step(lambda: 0.0)
    return to_host(mine)


def slow_of(place: Place) -> dict[int, Array]:
    """Return copies of the slow parameters of a `Lookahead`, by their numbers."""
    k = place.outer.all_stores.index(place.store)
    return place.store.parted(place.outer.slow[k])


def _state(store: Store, i: int) -> dict[str, Any]:
    """Return the state of a parameter as it is now."""
    saved = {name: to_host(Array(x, store.lib)) for name, x in store.saved(i).items()}
    return saved | dict(store.number(i))


def to_host(x: Array | None) -> Raw:
    """Return the numbers of an array in float64, copied."""
    assert x is not None
    lib, data = x._lib, x.data
    if lib.raw.finfo(data.dtype).bits < 32:  # NumPy may not know the type
        data = lib.raw.astype(data, lib.raw.float32)
    return np.array(lib.to_host(data), dtype=np.float64)
