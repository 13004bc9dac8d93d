"""What other people's code asks of an array, one question at a time."""

import math

import numpy as np
import pytest

import xpnet as xn
from xpnet import xp
from xpnet.errors import ConversionError, ShapeError


def test_an_array_without_axes_is_not_iterable_as_numpy_says_it():
    x = xn.asarray(0.5)
    assert not np.iterable(x)
    with pytest.raises(TypeError, match="no axes"):
        len(x)
    with pytest.raises(ShapeError, match="no axes"):
        iter(x)


@pytest.mark.parametrize("convert", [float, complex, math.sqrt])
def test_a_variable_does_not_become_a_number_inside_a_transform(convert):
    with pytest.raises(ConversionError, match="would lose the gradient"):
        xn.grad(lambda x: x * abs(convert(x * x)))(3.0)


def test_numbers_that_do_not_follow_the_variable_leave_freely():
    constant = xn.asarray(2.0)
    assert xn.grad(lambda x: x * float(constant))(3.0) == 2.0
    assert xn.grad(lambda x: x * (x * x).item())(3.0) == 9.0
    assert xn.grad(lambda x: x if x > 1 else -x)(3.0) == 1.0
    assert xn.grad(lambda x: x * int(x))(3.5) == 3.0
    assert xn.grad(lambda x: x * math.floor(x) * math.ceil(x))(3.5) == 12.0


def test_numbers_inside_an_outer_transform_stay_refused_after_an_inner_one():
    def outer(x):
        inner = xn.grad(lambda y: y * y)(2.0)
        return x * float(inner) + float(x)

    with pytest.raises(ConversionError, match="would lose the gradient"):
        xn.grad(outer)(3.0)


def test_a_loss_of_declared_leaves_becomes_a_number():
    x = xn.asarray([1.0, 2.0], requires_grad=True)
    loss = xp.sum(x * x)
    assert float(loss) == 5.0
    assert xn.grad(lambda y: y * float(loss))(1.0) == 5.0


def test_different_values_come_in_growing_order_on_the_tape_and_off_it():
    values = xp.asarray([3.0, 1.0, 2.0, 1.0])
    assert xp.unique_values(values).tolist() == [1.0, 2.0, 3.0]
    assert xp.unique_values(xp.asarray([0, 1, 0, 1])).tolist() == [0, 1]
    recorded = xn.asarray(values, requires_grad=True)
    assert xp.unique_values(recorded).tolist() == [1.0, 2.0, 3.0]
