"""`memory_report` counts what the tape keeps: each piece of memory once, by line."""

import numpy as np
import pytest

import xpnet as xn
from libraries import TARGETS, parameters
from xpnet import nn
from xpnet.calculus.memory import MemoryReport, _size

xp = xn.xp
VIEWS = parameters(tuple(t for t in TARGETS if t.library in ("numpy", "torch")))


def leaf(*shape):
    return xn.asarray(np.ones(shape), requires_grad=True)


def test_results_constants_and_leaves_are_told_apart():
    x, data = leaf(100, 10), np.ones((10, 7))
    hidden = xp.exp(x @ data)  # (100, 7), kept by exp as its own result
    report = xn.memory_report(xp.sum(hidden * hidden))
    assert report.nodes == 4
    assert report.results == 100 * 7 * 8
    assert report.constants == 10 * 7 * 8
    assert report.leaves == 0  # the values of x are not needed
    assert xn.memory_report(x * x).leaves == 100 * 10 * 8
    assert report.bookkeeping > 4 * 50


def test_lines_are_named_largest_first_and_operations_of_a_line_are_added_up():
    y = leaf(50)
    for _ in range(3):
        y = xp.exp(y)  # three in one line
    big = xp.expm1(-xp.concat([y] * 2))
    report = xn.memory_report([y, {"big": big}])
    first, second = report.operations
    assert (first.name, first.count, first.bytes) == ("exp", 3, 3 * 50 * 8)
    assert first.where.endswith("y = xp.exp(y)  # three in one line")
    assert (second.name, second.count, second.bytes) == ("expm1", 1, 100 * 8)
    text = repr(report)
    assert text.startswith("tape of 6 operations\n")
    assert "1.2 KiB  exp x 3\n" in text
    assert f"{__file__}, line " in text
    assert "xn.checkpoint(f)" in text


def test_only_ten_lines_are_shown():
    y = leaf(4)
    code = "\n".join(f"y = xp.exp(-y)  # {i}" for i in range(12))
    space = {"xp": xp, "y": y}
    exec(compile(code, "many lines", "exec"), space)
    report = xn.memory_report(space["y"])
    assert len(report.operations) == 12
    assert repr(report).count(" exp\n") == 10
    assert "64 bytes  2 other lines" in repr(report)


@pytest.mark.parametrize("target", VIEWS)
def test_arrays_that_share_memory_count_once(target):
    target.skip_unless_here()
    x = target.make(np.ones((6, 4)), requires_grad=True)
    y = target.namespace.exp(x)
    parts = y[:3] * y[:3] + y[3:] * y[3:]
    assert xn.memory_report(parts).results == 6 * 4 * 8


def test_every_library_is_counted(target):
    x = target.make(np.ones((6, 4), np.float32), requires_grad=True)
    report = xn.memory_report(target.namespace.sin(x * 2.0))
    assert (report.nodes, report.results) == (2, 6 * 4 * 4)


def test_a_backward_pass_leaves_a_released_tape():
    y = xp.sum(xp.exp(leaf(9)))
    before = xn.memory_report(y)
    y.backward()
    after = xn.memory_report(y)
    assert (before.released, after.released) == (0, 2)
    assert before.results == 72
    assert after.results == 0
    assert "2 of them released" in repr(after)
    assert "checkpoint" not in repr(after)


def test_twins_and_functions_with_several_results_are_counted():
    model = nn.Linear(8, 4, rng=0)
    x = xn.asarray(np.ones((16, 8), np.float32))
    report = xn.memory_report(model(x))
    assert report.constants == 16 * 8 * 4
    assert report.leaves >= 8 * 4 * 4
    assert report.operations[0].name == "linear"


def test_what_is_on_no_tape_is_refused():
    for value in (xn.asarray(1.0), [1.0], {"a": 2}):
        with pytest.raises(xn.XpnetError, match="no array in it is on the tape"):
            xn.memory_report(value)


def test_a_leaf_alone_has_an_empty_tape():
    report = xn.memory_report(leaf(3))
    assert (report.nodes, report.results, report.operations) == (0, 0, ())
    assert isinstance(report, MemoryReport)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1536, "1.5 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (3 * 2**30, "3.0 GiB"),
        (2**41, "2.0 TiB"),
    ],
)
def test_sizes_are_said_in_a_unit_that_suits_them(count, text):
    assert _size(count) == text


def test_what_a_checkpoint_keeps_is_counted():
    x, mask = leaf(9), xn.asarray(np.ones(9))
    kept = xn.checkpoint(lambda parts, mask: xp.sum(xp.sin(parts["y"]) * mask))
    report = xn.memory_report(kept({"y": x + 1.0}, mask))
    assert (report.results, report.constants, report.leaves) == (72, 72, 0)
    assert xn.memory_report(kept({"y": x}, mask)).leaves == 72


def test_arguments_of_custom_functions_are_told_apart():
    @xn.custom_vjp
    def product(x, y, z):
        return x * y * z

    product.defvjp(lambda g, out, x, y, z: (g * y * z, g * x * z, g * x * y))
    x = leaf(9)
    report = xn.memory_report(product(xn.asarray(np.ones(9)), x, x + 1.0))
    assert (report.leaves, report.constants) == (72, 72)
    assert report.results == 2 * 72  # the third argument, and the result
