"""An optimizer's state as a plain dict in PyTorch's layout, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError, ShapeError
from .store import Store

if TYPE_CHECKING:
    from .base import Optimizer

__all__ = ["adopt_options", "collect", "restore"]

# options of PyTorch's optimizers that choose an implementation, not the mathematics
_TORCH_ONLY = frozenset({"capturable", "differentiable", "foreach", "fused"})

_OF_SCHEDULES = ("initial_lr",)  # what a schedule keeps in a group
_LEFT_OUT = frozenset(
    {"base_momentum", "max_lr", "max_momentum", "min_lr", "param_names", "params"}
) | {*_OF_SCHEDULES}  # and what PyTorch keeps there


def collect(optimizer: Optimizer, stores: list[list[Store]]) -> dict[str, Any]:
    """Return the state and the options of an optimizer, copied."""
    state: dict[int, dict[str, Any]] = {}
    groups = []
    for options, members in zip(optimizer.param_groups, stores, strict=True):
        numbers = sorted(i for store in members for i in store.indices)
        groups.append(dict(options) | {"params": numbers})
        for store in members:
            for i, number in enumerate(store.indices):
                if store.counts[i]:
                    state[number] = _entry(optimizer, store, i)
    return {"state": dict(sorted(state.items())), "param_groups": groups}


def _entry(optimizer: Optimizer, store: Store, i: int) -> dict[str, Any]:
    """Return the state of one parameter."""
    lib = store.lib
    saved = {k: Array(lib.copy(v), lib) for k, v in store.saved(i).items()}
    count = {"step": store.count(i)} if optimizer.counts else {}
    return {**count, **saved, **store.number(i)}


def restore(
    optimizer: Optimizer, stores: list[list[Store]], saved: Mapping[str, Any]
) -> None:
    """Set the state and the options of an optimizer, after checking all of them."""
    complete = adopt_options(optimizer, saved)
    groups, state = saved["param_groups"], saved["state"]
    numbers = [number for group in groups for number in group["params"]]
    places = [place for group in optimizer.param_groups for place in group["params"]]
    entry_of = {id(p): state.get(n) for n, p in zip(numbers, places, strict=True)}
    plan = []
    for options, members in zip(complete, stores, strict=True):
        names = optimizer.state_names(options)
        for store in members:
            entries = [
                _buffers(optimizer, store, i, names, entry_of[id(p)])
                for i, p in enumerate(store.arrays)
            ]
            plan.append((store, names, entries))
    for group, options in zip(optimizer.param_groups, complete, strict=True):
        group.update(options)
    for store, names, entries in plan:
        store.hold(names)
        for i, entry in enumerate(entries):
            store.restore(i, *entry)


def adopt_options(
    optimizer: Optimizer, saved: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the options of saved groups, after checking that they fit."""
    if not isinstance(saved, Mapping) or not {"param_groups", "state"} <= set(saved):
        held = sorted(map(str, saved)) if isinstance(saved, Mapping) else type(saved)
        raise OptionError(
            f"{optimizer.name}.load_state_dict: what optimizer.state_dict() returns "
            f"has 'state' and 'param_groups'; this has {held!r:.80}."
        )
    _compare(optimizer, saved["param_groups"])
    return [_options(optimizer, group) for group in saved["param_groups"]]


def _compare(optimizer: Optimizer, groups: list[Mapping[str, Any]]) -> None:
    """Raise unless saved groups have as many parameters as those of the optimizer."""
    there = [len(group["params"]) for group in groups]
    here = [len(group["params"]) for group in optimizer.param_groups]
    if there != here:
        raise OptionError(
            f"{optimizer.name}.load_state_dict: the saved groups have {there} "
            f"parameters, those here have {here}. Was it saved for another model?"
        )


def _options(optimizer: Optimizer, group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a saved group; those that say nothing here are left out."""
    mine = {}
    for key, value in group.items():
        if key in optimizer.defaults:
            mine[key] = tuple(value) if isinstance(value, list) else value
        elif key not in _LEFT_OUT and value and key not in _TORCH_ONLY:
            raise OptionError(
                f"{optimizer.name}.load_state_dict: the saved option {key}={value!r} "
                f"is unknown here; the options are {', '.join(optimizer.defaults)}."
            )
    first = {key: group[key] for key in _OF_SCHEDULES if key in group}
    return optimizer.complete(mine) | first


def _buffers(
    optimizer: Optimizer, store: Store, i: int, names: tuple[str, ...], entry: Any
) -> tuple[int, dict[str, float], dict[str, Any]]:
    """Return count, numbers and raw buffers of one parameter, zeros for none saved."""
    if not entry or any(entry.get(name) is None for name in names):
        zeros = {name: store.zeros(store.shapes[i]) for name in names}
        return 0, dict.fromkeys(store.numbers, 0.0), zeros
    out = {}
    for name in names:
        value = asarray(entry[name])
        if value.shape != store.shapes[i]:
            raise ShapeError(
                f"{optimizer.name}.load_state_dict: {name} of parameter "
                f"{store.indices[i]} has shape {value.shape}, the parameter "
                f"{store.shapes[i]}."
            )
        out[name] = store.bring(value)
    numbers = {name: float(entry[name]) for name in store.numbers}
    return int(entry.get("step", 1)), numbers, out
