"""Save and load weights in the safetensors format, from and to any device.

The format is a header in JSON and the bytes of each array; nothing in a file is ever
run. PyTorch, JAX and others read it too: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..backend.device import Device, resolve
from ..calculus.array import Array
from ..calculus.convert import asarray
from ..errors import OptionError

__all__ = ["load_file", "load_metadata", "save_file"]


def save_file(
    state_dict: Mapping[str, Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Save named arrays, copied to the host from wherever they are.

    The file appears complete or not at all: it is written under another name in the
    same folder and then renamed. A file that was there before is replaced. The same
    arrays and metadata give the same bytes.

    Parameters
    ----------
    state_dict : mapping of str to array
        What ``model.state_dict()`` returns; arrays of any library, on any device.
    path : path
        Where to save; the folder must exist.
    metadata : mapping of str to str, optional
        Words to keep with the arrays: how the model was made, for example.

    Raises
    ------
    OptionError
        If a name or a word of the metadata is not a string, or the format has no place
        for a dtype.
    OSError
        If the file cannot be written.

    Notes
    -----
    bfloat16, which NumPy has not, is saved as float32, which has all its numbers.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> save_file({"weight": asarray([1.0, 2.0])}, path, {"epochs": "10"})
    >>> load_file(path)["weight"]
    Array([1., 2.], dtype=float64, device='cpu')
    >>> load_metadata(path)
    {'epochs': '10'}
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    words = dict(metadata or {})
    for word in (*state_dict, *words, *words.values()):
        if not isinstance(word, str):
            raise OptionError(
                f"save_file: names and metadata must be strings; {word!r} is "
                f"of type {type(word).__name__}."
            )
    arrays = {name: _to_host(name, value) for name, value in state_dict.items()}
    try:
        content = save(arrays, metadata=words or None)
    except (KeyError, SafetensorError) as error:
        raise OptionError(
            f"save_file: safetensors refuses these arrays: {error}."
        ) from None
    _replace(Path(os.path.realpath(path)), _in_order(content))


def load_file(
    path: str | os.PathLike[str], device: str | Device | None = None
) -> dict[str, Array]:
    """Load the named arrays of a safetensors file, for ``model.load_state_dict``.

    Parameters
    ----------
    path : path
        A file in the safetensors format, whoever wrote it.
    device : str or Device, optional
        Where the arrays go; by default the default device.

    Raises
    ------
    OptionError
        If the file is not in the safetensors format, or has a dtype that NumPy has not.
    OSError
        If the file cannot be read.
    DeviceError
        If the device is unknown or does not work.

    Notes
    -----
    Entries of float16 stay so, those of bfloat16 become float32, which has them all;
    ``model.load_state_dict`` casts both to the model's own dtype.

    Examples
    --------
    >>> load_file("no-such-file.safetensors")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no-such-file.safetensors'
    """
    place = resolve(device)
    with _opened(path) as file:
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        odd = {name: kind for name, kind in kinds.items() if kind not in _DTYPES}
        if odd:
            name, kind = next(iter(odd.items()))
            raise OptionError(
                f"{os.fspath(path)}: {name!r} is stored as {kind}, which NumPy does "
                "not have. Save it as float32 or bfloat16."
            )
        found = {name: file.get_tensor(name) for name in kinds if kinds[name] != "BF16"}
    low = _bfloat16(path, [name for name in kinds if kinds[name] == "BF16"])
    return {name: asarray((found | low)[name], device=place) for name in kinds}


_DTYPES = frozenset("BF16 BOOL C64 F16 F32 F64 I8 I16 I32 I64 U8 U16 U32 U64".split())


def _bfloat16(path: Any, names: list[str]) -> dict[str, Any]:
    """Return the entries of bfloat16 as float32: their bits are its upper half."""
    if not names:
        return {}
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        found = {}
        for name in names:
            begin, end = header[name]["data_offsets"]
            file.seek(8 + size + begin)
            half = np.frombuffer(file.read(end - begin), "<u2").astype(np.uint32)
            whole = (half << 16).view(np.float32)
            found[name] = whole.reshape(header[name]["shape"])
    return found


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Load the words that were saved with the arrays; none gives an empty dict.

    Raises
    ------
    OptionError
        If the file is not in the safetensors format.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> save_file({}, path)
    >>> load_metadata(path)
    {}
    """
    with _opened(path) as file:
        return dict(file.metadata() or {})


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a safetensors file for reading, or say in one sentence why it is not one."""
    from safetensors import SafetensorError, safe_open

    with open(path, "rb") as begun:  # says plainly what is wrong with the path
        start = begun.read(4)
    if start[:2] in (b"PK", b"\x80\x02"):
        raise OptionError(
            f"{os.fspath(path)} is a file of torch.save, not of safetensors. Read it "
            "with xpnet.interop.torch.load_file where PyTorch is installed, or convert "
            "it there: safetensors.torch.save_file(torch.load(path, "
            "weights_only=True), 'model.safetensors')."
        )
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise OptionError(
            f"{os.fspath(path)} is not a complete safetensors file: {error}."
        ) from None


def _to_host(name: str, value: Any) -> np.ndarray[Any, Any]:
    """Return an array's values as NumPy wants them for saving: native, in C order."""
    x = asarray(value).detach()
    if str(x.dtype).endswith("bfloat16"):
        x = x._lib.recorded.astype(x, x._lib.raw.float32)
    try:
        host = x.numpy()
    except TypeError:
        raise OptionError(
            f"save_file: {name!r} has dtype {x.dtype}, which NumPy does not have. Cast "
            "it to float32 or bfloat16."
        ) from None
    return np.asarray(host, dtype=host.dtype.newbyteorder("="), order="C")


def _in_order(content: bytes) -> bytes:
    """Sort the metadata, which safetensors writes in a random order."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the arrays start at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text + content[end:]


def _replace(path: Path, content: bytes) -> None:
    """Write a file under a passing name and move it to its place."""
    passing = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(passing, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(passing, path)
    except BaseException:
        passing.unlink(missing_ok=True)
        raise
