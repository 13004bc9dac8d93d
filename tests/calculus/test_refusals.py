"""What a library refuses is said with the function, the shapes and the dtypes."""

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY
from xpnet import errors


def test_shapes_that_do_not_broadcast_are_named(make, xp) -> None:
    x, y = make(np.ones((2, 3))), make(np.ones((4,)))
    for add in (lambda: x + y, lambda: xp.add(x, y), lambda: xp.maximum(x, y)):
        with pytest.raises(
            errors.ShapeError,
            match=r"axis -1 has 3 and 4 elements.*x: \(2, 3\).*y: \(4,\)",
        ):
            add()


def test_a_product_that_does_not_fit_says_which_axes(make) -> None:
    x, y = make(np.ones((2, 3))), make(np.ones((4, 5)))
    with pytest.raises(
        errors.ShapeError, match="last axis of x has 3 elements, but axis -2 of y has 4"
    ):
        x @ y
    with pytest.raises(errors.ShapeError, match="axis -3 has 2 and 3"):
        make(np.ones((2, 1, 4))) @ make(np.ones((3, 4, 5)))


def test_a_product_of_an_array_without_axes_is_explained() -> None:
    with pytest.raises(errors.ShapeError, match="multiply by x \\* y"):
        xn.asarray(2.0) @ xn.asarray(np.ones(3))


def test_comparisons_name_the_shapes_too(make) -> None:
    with pytest.raises(errors.ShapeError, match="less: the shapes do not broadcast"):
        make(np.ones(3)) < make(np.ones(2))  # noqa: B015


def test_a_reshape_that_does_not_fit_gives_both_shapes(make, xp) -> None:
    with pytest.raises(errors.ShapeError, match=r"reshape: .*\(2, 3\).*\(4,\)"):
        xp.reshape(make(np.ones((2, 3))), (4,))


def test_where_says_which_two_shapes_do_not_broadcast(make, xp) -> None:
    truth, x, y = make(np.ones(3)) > 0, make(np.ones((2, 1))), make(np.ones((2, 4)))
    with pytest.raises(errors.ShapeError, match=r"shapes of x and z do not .* 3 and 4"):
        xp.where(truth, x, y)


def test_indexing_says_what_was_asked_of_which_shape() -> None:
    x = NUMPY.make(np.ones((2, 3)))
    with pytest.raises(IndexError) as caught:
        x[2, 0]
    assert "in x[key] (x: (2, 3) float64, key=(2, 0))" in caught.value.__notes__
    with pytest.raises(errors.ShapeError, match=r"x\[key\] = y: .*y: \(4,\)"):
        x[0, :] = np.ones(4)


def test_options_are_shown() -> None:
    x = NUMPY.make(np.ones((2, 3)))
    with pytest.raises(IndexError) as caught:
        xn.xp.sum(x, axis=5)
    assert "in sum (x: (2, 3) float64, axis=5)" in caught.value.__notes__


def test_the_library_s_own_error_is_kept_as_the_cause() -> None:
    x = NUMPY.make(np.ones((2, 3)))
    with pytest.raises(errors.DTypeError, match="bitwise_and") as caught:
        xn.xp.bitwise_and(x, x)
    assert type(caught.value.__cause__) is TypeError


def test_an_error_of_ours_is_not_wrapped_again() -> None:
    x = NUMPY.make(np.ones(3))
    with pytest.raises(errors.LibraryError) as caught:
        x + xn.namespace("array_api_strict").ones(3)
    assert caught.value.__cause__ is None
