"""Averages of the parameters over training: exponential (EMA) and equal (SWA)."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError, ShapeError
from .averages import Averages
from .groups import all_arrays
from .store import renew
from .terms import is_number

__all__ = ["EMA", "SWA"]


class _Average(ABC):
    """What EMA and SWA share: where averages are kept, and how they are used."""

    def __init__(self, parameters: Iterable[Array]) -> None:
        self.arrays = all_arrays(self.name, parameters)
        if not self.arrays:
            raise OptionError(
                f"{self.name}: there are no parameters to average. Has the model any?"
            )
        kinds: dict[Any, list[int]] = {}
        for i, p in enumerate(self.arrays):
            if p._lib.is_floating(p.dtype):
                key = (p._lib, str(p.device), str(p.dtype))
                kinds.setdefault(key, []).append(i)
        self.n_averaged = 0
        self._inside = False
        self._flats: list[Averages] = []
        self._places: dict[int, tuple[Averages, int]] = {}
        for members in kinds.values():
            flat = Averages([self.arrays[i] for i in members])
            self._flats.append(flat)
            self._places |= {i: (flat, at) for at, i in enumerate(members)}

    @property
    def name(self) -> str:
        """The name of the class, with which messages begin."""
        return type(self).__name__

    @abstractmethod
    def share(self) -> float:
        """Return the part that the parameters of now have in the new average."""

    def update(self) -> None:
        """Take the parameters as they are now into the average.

        The first time, the average becomes what the parameters are.

        Raises
        ------
        OptionError
            Inside `applied`, where the parameters are the averages themselves.
        """
        if self._inside:
            raise OptionError(
                f"{self.name}.update: inside `applied`, the parameters are their own "
                "averages. Update after the `with` block."
            )
        share = self.share()
        for flat in self._flats:
            now, first = flat.current(), self.n_averaged == 0
            with flat.lib.quiet():
                flat.write(now if first else flat.value + share * (now - flat.value))
        self.n_averaged += 1

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Give the parameters their averages inside a ``with`` block.

        Nothing is copied: inside, ``p.data`` is the average, and afterwards what it was
        before. Do not train inside.
        """
        before = [p.data for p in self.arrays]
        outer, self._inside = self._inside, True
        try:
            for i, (flat, at) in self._places.items():
                self.arrays[i].data = flat.view(at)
            yield
        finally:
            self._inside = outer
            for p, data in zip(self.arrays, before, strict=True):
                p.data = data

    def assign(self) -> None:
        """Give the parameters their averages for good."""
        for i, (flat, at) in self._places.items():
            p = self.arrays[i]
            p.data = flat.lib.copy(flat.view(at))
            if p._node is not None:
                renew([p])

    @property
    def averages(self) -> list[Array]:
        """Copies of the averages, in the order of the parameters.

        What is not floating point (a count, say) is copied as it is now.
        """
        return [
            Array(p._lib.copy(self._of(i)), p._lib) for i, p in enumerate(self.arrays)
        ]

    def _of(self, i: int) -> Any:
        """Return the average of the i-th parameter, not copied."""
        if i not in self._places:
            return self.arrays[i].data
        flat, at = self._places[i]
        return flat.view(at)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything needed to go on.

        Returns
        -------
        dict
            ``"n_averaged"``: how often `update` was called. ``"averages"``: the
            averages, in the order of the parameters.
        """
        return {"n_averaged": self.n_averaged, "averages": self.averages}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` returned.

        Raises
        ------
        OptionError
            If it was saved for another number of parameters.
        ShapeError
            If an average does not have the shape of its parameter.
        """
        if not isinstance(state_dict, Mapping) or "averages" not in state_dict:
            raise OptionError(
                f"{self.name}.load_state_dict: what {self.name}.state_dict() returns "
                "has 'averages' and 'n_averaged'; this has not."
            )
        found = [asarray(x) for x in state_dict["averages"]]
        if len(found) != len(self.arrays):
            raise OptionError(
                f"{self.name}.load_state_dict: {len(found)} averages were saved, but "
                f"there are {len(self.arrays)} parameters here."
            )
        for i, (p, x) in enumerate(zip(self.arrays, found, strict=True)):
            if p.shape != x.shape:
                raise ShapeError(
                    f"{self.name}.load_state_dict: average {i} has shape {x.shape}, "
                    f"its parameter {p.shape}."
                )
        for flat in self._flats:
            flat.write(self._laid_out(flat, found))
        self.n_averaged = int(state_dict.get("n_averaged", 1))

    def __repr__(self) -> str:
        size = sum(p.size for p in self.arrays)
        shown = self._options() | {"n_averaged": self.n_averaged}
        options = ", ".join(f"{key}={value!r}" for key, value in shown.items())
        return (
            f"{self.name}({len(self.arrays)} parameters of {size} elements, {options})"
        )

    def _options(self) -> dict[str, Any]:
        return {}

    def _laid_out(self, flat: Averages, found: list[Array]) -> Any:
        """Return saved averages as one array like the buffer of `flat`."""
        lib, raw = flat.lib, flat.lib.raw
        saved = [found[i] for i, (where, _) in self._places.items() if where is flat]
        host = [lib.from_host(x._lib.to_host(x.data), flat.place) for x in saved]
        return flat.joined([raw.astype(x, flat.value.dtype) for x in host])


@final
class EMA(_Average):
    """Exponential moving average of parameters.

    ``a ← a + (1 − decay) (w − a)`` at every `update`; the first sets ``a ← w``. Call
    `update` after ``optimizer.step()``, and evaluate inside ``with ema.applied():``.

    Parameters
    ----------
    parameters : iterable of Array
        ``model.parameters()``, or parameters and buffers. What is not floating point
        has no average. Made after the optimizer, an update is one pass over the
        optimizer's buffer.
    decay : float
        From 0 to 1.

    Raises
    ------
    ConversionError
        If a parameter is not an Array.
    OptionError
        If there are no parameters, or `decay` is out of range.

    Notes
    -----
    The formula is that of PyTorch's ``AveragedModel`` with ``get_ema_multi_avg_fn``,
    which averages a copy of a model; here are parameters, and no second model. Running
    statistics of batch normalization are averaged if they are given.

    References
    ----------
    .. [1] B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation
       by Averaging", SIAM J. Control Optim. 30, 1992.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([0.0], requires_grad=True)
    >>> ema = EMA([w], decay=0.75)
    >>> for value in (0.0, 4.0):
    ...     w.data[...] = value
    ...     ema.update()
    >>> with ema.applied():
    ...     print(w.data)
    [1.]
    >>> w.data
    array([4.])
    """

    def __init__(self, parameters: Iterable[Array], decay: float = 0.999) -> None:
        if not is_number(decay) or not 0 <= decay <= 1:
            raise OptionError(
                f"EMA: decay is {decay!r}; it must be a number from 0 to 1."
            )
        self.decay = decay
        super().__init__(parameters)

    def share(self) -> float:
        """Return ``1 − decay``."""
        return 1 - float(self.decay)

    def _options(self) -> dict[str, Any]:
        return {"decay": self.decay}


@final
class SWA(_Average):
    """Equal average of parameters: stochastic weight averaging.

    ``a ← a + (w − a) / (n + 1)`` at the n-th `update` after the first, which sets
    ``a ← w``. Call `update` at the end of each of the last epochs, at a rate that stays
    large, and `assign` at the end.

    Parameters
    ----------
    parameters : iterable of Array
        ``model.parameters()``. What is not floating point has no average. Made after
        the optimizer, an update is one pass over the optimizer's buffer.

    Raises
    ------
    ConversionError
        If a parameter is not an Array.
    OptionError
        If there are no parameters.

    Notes
    -----
    The formula is that of [1]_, and of PyTorch's ``AveragedModel``. Batch normalization
    needs new statistics for averaged weights: see ``docs/optim.md``.

    References
    ----------
    .. [1] P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
       Generalization", UAI 2018, https://arxiv.org/abs/1803.05407.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([0.0], requires_grad=True)
    >>> swa = SWA([w])
    >>> for value in (1.0, 3.0, 8.0):
    ...     w.data[...] = value
    ...     swa.update()
    >>> swa.assign()
    >>> w.data
    array([4.])
    """

    def share(self) -> float:
        """Return ``1 / (n + 1)``."""
        return 1 / (self.n_averaged + 1)
