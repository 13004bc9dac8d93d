"""The repr of a model: a tree of its layers, with shapes and numbers of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module

__all__ = ["describe"]

Row = tuple[str, str, str]  # what it is, the arrays it holds, how many parameters


def describe(module: Module) -> str:
    """Return the tree of a module and, where it has children, a line with the total."""
    rows = _rows(module, "", "")
    if len(rows) == 1:
        head, arrays, count = rows[0]
        count = count and f"{count} parameter{'s' if count != '1' else ''}"
        return "  ".join(part for part in (head, arrays, count) if part)
    left, middle = (max(len(row[i]) for row in rows) for i in (0, 1))
    lines = [f"{a:{left}}  {b:{middle}}  {c}".rstrip() for a, b, c in rows]
    return "\n".join([*lines, _total(module)])


def _rows(module: Module, label: str, indent: str) -> list[Row]:
    head, options = f"{indent}{label}{type(module).__name__}(", module.extra_repr()
    held = [(name, role) for name, role in module._roles.items() if role != "module"]
    arrays = ", ".join(_array(module, name, role) for name, role in held)
    sizes = [module.__dict__[name].size for name, role in held if "buffer" not in role]
    count = f"{sum(sizes):,}" if sizes else ""
    children = list(module.named_children())
    if not children:
        return [(f"{head}{options})", arrays, count)]
    # as in PyTorch, the options of a module with children have a line of their own
    inner = (f"{indent}  {options}", arrays, count)
    rows = [(head, "", ""), inner] if options else [(head, arrays, count)]
    for name, child in children:
        rows += _rows(child, f"({name}): ", indent + "  ")
    return [*rows, (f"{indent})", "", "")]


def _array(module: Module, name: str, role: str) -> str:
    note = f" {role}"
    if "buffer" not in role:
        note = " frozen" if module._is_frozen(name) else ""
    return f"{name} {tuple(module.__dict__[name].shape)}{note}"


def _total(module: Module) -> str:
    parameters = [p for _, p in module._named_arrays("parameter", "frozen parameter")]
    dtypes = ", ".join(dict.fromkeys(_dtype(p) for p in parameters))
    devices = ", ".join(dict.fromkeys(str(p.device) for p in parameters))
    where = f", {dtypes} on {devices}" if parameters else ""
    held = [
        (part._is_frozen(name), p)
        for part in module.modules()
        for name, p in part._held(("parameter", "frozen parameter"))
    ]
    frozen = sum({id(p): p.size for cold, p in held if cold}.values())
    note = f", {frozen:,} of them frozen" if frozen else ""
    return f"Total: {sum(p.size for p in parameters):,} parameters{note}{where}"


def _dtype(x: Any) -> str:
    return str(x.dtype).rpartition(".")[2]
