"""The base of every optimizer: parameter groups, the step, and the checks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from ..calculus.array import Array
from ..errors import ConversionError, GradientError, OptionError
from . import saving
from .flat import Flat
from .groups import admit, as_arrays, as_groups, described
from .loose import Loose
from .store import Store
from .terms import is_number

__all__ = ["Optimizer"]


class Optimizer(ABC):
    """Base of optimizers: a formula that is applied to flat buffers of parameters.

    A subclass gives its options with their defaults to ``super().__init__``, and
    defines `check`, `state_names` and `update`, which is its formula.

    Parameters
    ----------
    params : iterable of Array, or of dict
        Leaf arrays; or groups ``{"params": [...], "lr": 0.1}``, in which options of the
        optimizer can be set for the group alone. Names that come with arrays, as from
        ``model.named_parameters()``, are not kept.
    defaults : mapping
        The options of groups that do not set them.

    Attributes
    ----------
    param_groups : list of dict
        The groups with their options, which are read at every step.
    stores : list of list of Store
        For each group, its buffers, one for each library, device and dtype.

    Raises
    ------
    GradientError
        If a parameter was computed, or none of them requires a gradient.
    OptionError
        If there is no parameter, one is given twice, or an option is out of range.

    Notes
    -----
    Parameters become views of the optimizer's buffer: ``p.data`` is another array
    afterwards, with the same values. Their gradients are written to a buffer too.
    """

    fused: ClassVar[str] = ""  # the name of its fused updates in kernels
    counts: ClassVar[bool] = True  # whether "step" belongs to the saved state
    numbers: ClassVar[tuple[str, ...]] = ()  # of the state: one for each parameter
    takes_complex: ClassVar[bool] = False

    def __init__(self, params: Iterable[Any], defaults: Mapping[str, Any]) -> None:
        self.defaults = dict(defaults)
        self.param_groups: list[dict[str, Any]] = []
        self.stores: list[list[Store]] = []
        self._known: dict[int, int] = {}
        groups = [self._group(group) for group in as_groups(self.name, params)]
        arrays = [p for group in groups for p in group["params"]]
        if not arrays:
            raise OptionError(
                f"{self.name}: there are no parameters to optimize. Has the model any?"
            )
        if not any(p.requires_grad for p in arrays):
            raise GradientError(
                f"{self.name}: none of the {len(arrays)} parameters requires a "
                "gradient. Make them with requires_grad=True."
            )
        for group in groups:
            self._adopt(group)

    # --- what a subclass defines ------------------------------------------------------

    @abstractmethod
    def check(self, options: Mapping[str, Any]) -> None:
        """Raise OptionError unless every option is in its range."""

    @abstractmethod
    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the buffers, each as large as `w`, of the formula."""

    @abstractmethod
    def update(
        self, xp: Any, w: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]
    ) -> Any:
        """Return the new values of the parameters `w`, given their gradients `g`.

        Arrays are raw, and functions of them come from `xp`. Buffers of the state are
        read from `state`, where the new ones are put; so are the Python numbers named
        in `numbers`. ``state["step"]`` counts from 1, and a formula that does not begin
        with zeros begins at step 1. ``state["parts"]`` tells where one parameter ends
        and the next begins (see `parts`).
        """

    # --- what a user calls ------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Parameters whose gradient is None are left alone, with their state and their
        count of steps. What was computed with the old values cannot be differentiated
        any more.

        Parameters
        ----------
        closure : callable, optional
            Called first: forgets the gradients, computes the loss, calls its
            ``backward`` and returns it.

        Returns
        -------
        object
            What `closure` returned; None without one.
        """
        loss = None if closure is None else closure()
        for options, stores in zip(self.param_groups, self.stores, strict=True):
            names = self.state_names(options)
            for store in stores:
                store.step(names, options)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: set each to None, which touches no memory.

        The next backward pass writes into the same buffer. To keep a gradient beyond
        that, copy it: ``xn.asarray(p.grad, copy=True)``.

        Parameters
        ----------
        set_to_none : bool
            False makes zeros of gradients that are there, with which `step` goes on:
            momentum and weight decay then act on a parameter that the next loss leaves
            out.
        """
        for stores in self.stores:
            for store in stores:
                for p in store.arrays:
                    node: Any = p._node
                    if node is None:
                        continue
                    if set_to_none or node.grad is None:
                        node.grad = None
                    else:
                        zeros = store.lib.raw.zeros_like(node.grad.data)
                        node.grad = Array(zeros, store.lib)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimize more parameters, with options of their own."""
        self._adopt(self._group(group))

    @property
    def lr(self) -> float:
        """The learning rate; setting it sets that of every group.

        Raises
        ------
        OptionError
            If it is read and the groups have different rates, or set to less than 0.
        """
        first, *others = [group["lr"] for group in self.param_groups]
        if any(rate != first for rate in others):
            raise OptionError(
                f"{self.name}.lr: the groups have different rates, {[first, *others]}. "
                "Read optimizer.param_groups[i]['lr']."
            )
        return first  # type: ignore[no-any-return]

    @lr.setter
    def lr(self, value: float) -> None:
        self.check(self.param_groups[0] | {"lr": value})
        for group in self.param_groups:
            group["lr"] = value

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything needed to go on, in PyTorch's layout.

        Returns
        -------
        dict
            ``"state"``: for each parameter by its number, its buffers as arrays and,
            where the formula counts, ``"step"``. ``"param_groups"``: the options of
            each group, with the numbers of its parameters under ``"params"``.
        """
        return saving.collect(self, self.stores)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned, here or in PyTorch.

        Raises
        ------
        OptionError
            If groups, parameters or options do not match those of this optimizer.
        ShapeError
            If a buffer does not have the shape of its parameter.
        """
        saving.restore(self, self.stores, state_dict)

    def __reduce__(self) -> Any:
        raise ConversionError(
            f"{self.name}: an optimizer is not copied or pickled, since its parameters "
            "are views of its buffer. Make a new one for the copied parameters and "
            "load optimizer.state_dict() into it."
        )

    def __repr__(self) -> str:
        groups = [described(group) for group in self.param_groups]
        if len(groups) == 1:
            return f"{self.name}({groups[0]})"
        lines = [f"  group {i}: {text}" for i, text in enumerate(groups)]
        return "\n".join([f"{self.name}(", *lines, ")"])

    # --- how groups are made ----------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the class, with which messages begin."""
        return type(self).__name__

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with defaults where there is none, after checking them."""
        unknown = sorted(set(options) - set(self.defaults))
        if unknown:
            raise OptionError(
                f"{self.name}: {unknown[0]!r} is not an option; its options are "
                f"{', '.join(self.defaults)}."
            )
        complete = self.defaults | dict(options)
        self.check(complete)
        return complete

    def _group(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a group with all options, after checking options and parameters."""
        if "params" not in group:
            raise OptionError(
                f"{self.name}: a parameter group needs the key 'params', with its "
                f"parameters; this one has {sorted(group)}."
            )
        arrays = as_arrays(self.name, group["params"])
        rest = {key: value for key, value in group.items() if key != "params"}
        options = self.complete(rest)
        known = dict(self._known)
        for p in arrays:
            self._admit(p, known)
        self._known = known
        return {"params": arrays, **options}

    def _admit(self, p: Any, known: dict[int, int]) -> None:
        """Check that a parameter can be optimized, and give it a number."""
        admit(self.name, p, known, self.takes_complex)

    def _adopt(self, group: dict[str, Any]) -> None:
        """Put the parameters of a group into stores, by library, device and dtype."""
        kinds: dict[Any, list[Array]] = {}
        for p in group["params"]:
            key = (p._lib, str(p.device), str(p.dtype))
            kinds.setdefault(key, []).append(p)
        self.param_groups.append(group)
        self.stores.append([self._store(arrays) for arrays in kinds.values()])

    def _store(self, arrays: list[Array]) -> Store:
        indices = [self._known[id(p)] for p in arrays]
        if arrays[0]._lib.has_views:
            return Flat(arrays, indices, self.update, self.numbers, self.fused)
        return Loose(arrays, indices, self.update, self.numbers)

    # --- for the checks of subclasses -------------------------------------------------

    def check_betas(self, options: Mapping[str, Any]) -> None:
        """Raise OptionError unless ``betas`` are two numbers from 0 to less than 1."""
        for i, beta in enumerate(self.pair("betas", options["betas"])):
            self.in_range(f"betas[{i}]", beta, below=1)

    def pair(self, what: str, value: Any) -> tuple[Any, Any]:
        """Return an option that is two numbers, or raise OptionError."""
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise OptionError(
                f"{self.name}: {what} is {value!r}; it must be two numbers."
            )
        return value[0], value[1]

    def in_range(
        self, what: str, value: Any, low: float = 0, below: float = math.inf
    ) -> None:
        """Raise OptionError unless `value` is a number and ``low <= value < below``."""
        if not is_number(value) or not low <= value < below:
            limit = "" if below == math.inf else f" and less than {below}"
            raise OptionError(
                f"{self.name}: {what} is {value!r}; it must be a number, at least {low}"
                f"{limit}."
            )
