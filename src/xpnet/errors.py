"""One tree of exceptions: every error that xpnet raises on purpose is an XpnetError.

Each class also derives from the built-in exception that a caller would expect
(``DeviceError`` is a ``RuntimeError``, ``ShapeError`` a ``ValueError``), so code that
knows nothing of xpnet still catches it.
"""

__all__ = [
    "ConversionError",
    "DTypeError",
    "DeviceError",
    "FormulaError",
    "GradientError",
    "LibraryError",
    "NonFiniteError",
    "OptionError",
    "ShapeError",
    "XpnetError",
]


class XpnetError(Exception):
    """Base of every exception that xpnet raises on purpose."""


class DeviceError(XpnetError, RuntimeError):
    """A device is unknown, absent or broken, or two devices were mixed."""


class LibraryError(XpnetError, TypeError):
    """An array library is unknown, not installed, or was mixed with another."""


class ShapeError(XpnetError, ValueError):
    """Shapes do not fit together."""


class DTypeError(XpnetError, TypeError):
    """A data type does not fit the operation."""


class OptionError(XpnetError, ValueError):
    """An option has a value outside its range or its list of choices."""


class ConversionError(XpnetError, TypeError):
    """An array would leave xpnet in a way that silently loses its gradient."""


class FormulaError(XpnetError, ValueError):
    """A typed formula cannot be read; says what, where, and what to type instead."""


class GradientError(XpnetError, RuntimeError):
    """A derivative could not be computed; names the operation and the user's line."""


class NonFiniteError(XpnetError, FloatingPointError):
    """An operation made a NaN or an infinity, while `detect_nonfinite` was watching."""
