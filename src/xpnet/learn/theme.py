"""The colours of pictures and pages, light and dark, and what follows the reader's own.

Blue and orange are told apart by all common kinds of colour vision; wherever they mean
something, so does a thickness, a dash or a sign. Text has a contrast of at least 4.5.
"""

from __future__ import annotations

__all__ = ["DARK", "FONT", "LIGHT", "style"]

LIGHT = {
    "paper": "#ffffff",
    "box": "#f6f8fa",
    "ink": "#1b1f24",
    "quiet": "#57606a",
    "line": "#8c959f",
    "rule": "#d0d7de",
    "accent": "#b34700",
    "soft": "#fff1e5",
    "positive": "#0069a8",
    "negative": "#b34700",
    "gradient": "#00664d",
}
DARK = {
    "paper": "#0d1117",
    "box": "#161b22",
    "ink": "#e6edf3",
    "quiet": "#9aa4af",
    "line": "#6e7681",
    "rule": "#30363d",
    "accent": "#f0a35e",
    "soft": "#2b2016",
    "positive": "#6cb6ff",
    "negative": "#f0a35e",
    "gradient": "#56d3a4",
}
FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"

# What says that a page is dark although the system may not be: our own lab, JupyterLab,
# and VS Code's notebooks.
_DARK_PAGES = (
    ':root[data-theme="dark"]',
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
)
_LIGHT_PAGES = (
    ':root[data-theme="light"]',
    'body[data-jp-theme-light="true"]',
    "body.vscode-light",
)


def style(name: str, rules: str) -> str:
    """Return an element ``<style>`` for everything inside class `name`.

    `rules` has ``%`` where the class stands; colours are ``var(--xn-ink)`` and so on.
    """
    light = _declared(LIGHT, "light")
    dark = _declared(DARK, "dark")
    return (
        f"<style>.{name}{{{light};font-family:{FONT}}}"
        f"@media(prefers-color-scheme:dark){{.{name}{{{dark}}}}}"
        f"{_inside(_LIGHT_PAGES, name)}{{{light}}}"
        f"{_inside(_DARK_PAGES, name)}{{{dark}}}"
        f"{rules.replace('%', f'.{name}')}</style>"
    )


def _declared(colours: dict[str, str], scheme: str) -> str:
    shown = ";".join(f"--xn-{name}:{colour}" for name, colour in colours.items())
    return f"{shown};color-scheme:{scheme}"


def _inside(pages: tuple[str, ...], name: str) -> str:
    return ",".join(f"{page} .{name}" for page in pages)
