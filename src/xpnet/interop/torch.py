"""Read the files that ``torch.save`` writes; PyTorch itself must be installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..backend.device import Device, resolve
from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import LibraryError, OptionError

__all__ = ["load_file"]

_WHERE = ("state_dict", "model_state_dict", "model")  # usual places in a checkpoint


def load_file(
    path: str | os.PathLike[str],
    device: str | Device | None = None,
    *,
    key: str | None = None,
) -> dict[str, Array]:
    """Load the named tensors of a ``.pt`` or ``.pth`` file, for ``load_state_dict``.

    Parameters
    ----------
    path : path
        A file of ``torch.save(model.state_dict(), path)``; or a checkpoint, a dict with
        one among other things.
    device : str or Device, optional
        Where the arrays go; by default the default device.
    key : str, optional
        Where in a checkpoint the state is; by default ``"state_dict"``,
        ``"model_state_dict"`` or ``"model"``, if there is one.

    Returns
    -------
    dict of str to Array
        Copies, on a device of ours; bfloat16, which NumPy has not, as float32.

    Raises
    ------
    LibraryError
        If PyTorch is not installed.
    OptionError
        If there is no state in the file, a tensor of it is sparse or of a type that
        NumPy has not, or PyTorch refuses to read it.
    OSError
        If the file cannot be read.

    Notes
    -----
    Only tensors and containers of them are unpickled (``weights_only=True``): a file
    with code in it is refused, so that none of it runs.

    Examples
    --------
    >>> load_file("no-such-file.pt")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no-such-file.pt'
    """
    with open(path, "rb"):  # says plainly what is wrong with the path
        pass
    try:
        import torch
    except ImportError:
        raise LibraryError(
            "interop.torch: PyTorch is not installed, and only it reads its files. "
            "Install torch; or convert the file where it is, with "
            "safetensors.torch.save_file."
        ) from None
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        why = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise OptionError(
            f"{os.fspath(path)}: PyTorch does not read this as tensors alone "
            f"({type(error).__name__}: {why:.200}). Save model.state_dict() there, not "
            "the model."
        ) from None
    state = _state_in(held, key, os.fspath(path))
    place = resolve(device)
    found = {}
    for name, value in state.items():
        try:
            host = _as_numpy(torch, value)
        except (RuntimeError, TypeError):
            raise OptionError(
                f"{os.fspath(path)}: {name!r} is a tensor of {value.dtype} with the "
                f"layout {value.layout}, for which NumPy has no array. Save it dense, "
                "as float32 or bfloat16."
            ) from None
        found[name] = asarray(host, device=place)
    return found


def _state_in(held: Any, key: str | None, path: str) -> Mapping[str, Any]:
    """Return the names and tensors in what a file holds."""
    if isinstance(held, Mapping):
        keys = [key] if key is not None else [k for k in _WHERE if k in held]
        inner = held.get(keys[0]) if keys else held
        if isinstance(inner, Mapping) and all(
            isinstance(name, str) and hasattr(value, "detach")
            for name, value in inner.items()
        ):
            return inner
    what = list(held) if isinstance(held, Mapping) else type(held).__name__
    raise OptionError(
        f"{path}: there are no named tensors {f'at {key!r} ' if key else ''}in it; it "
        f"holds {what!s:.200}. Pass key= to say where in it they are."
    )


def _as_numpy(torch: Any, value: Any) -> Any:
    value = value.detach().cpu().resolve_conj()
    if value.dtype == torch.bfloat16:
        value = value.float()
    return value.contiguous().numpy()
