"""Arrays of any library as NumPy's, to be looked at."""

from __future__ import annotations

from typing import Any

__all__ = ["on_host"]


def on_host(lib: Any, x: Any) -> Any:
    """Return an array as NumPy's; bfloat16, which NumPy has not, as float32."""
    if str(x.dtype).endswith("bfloat16"):
        x = lib.raw.astype(x, lib.raw.float32)
    return lib.to_host(x)
