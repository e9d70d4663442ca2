"""Curves of capacity show the numbers of the theory, dashed where these are upper bounds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from convexnn import plotting
from convexnn.associative import capacity, robustness
from convexnn.errors import InputError


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    plt.close("all")


def lines_of(ax):
    """Label -> the points drawn, without gaps."""
    points = {line.get_label(): np.array(line.get_data()) for line in ax.lines}
    return {label: xy[:, ~np.isnan(xy[1])] for label, xy in points.items()}


def test_curves_are_the_numbers_solid_where_they_are_exact():
    kappa = np.linspace(0, 2, 9)
    found = capacity(robustness=kappa, density=0.5)
    bound = found.is_upper_bound
    assert list(bound) == sorted(bound, reverse=True)
    assert 0 < bound.sum() < kappa.size
    figure = plotting.plot_capacity(found, "robustness", kappa)
    for quantity, ax in zip(("load", "sparsity"), figure.axes, strict=True):
        lines, values = lines_of(ax), getattr(found, quantity)
        np.testing.assert_array_equal(lines["exact"], [kappa[~bound], values[~bound]])
        last = bound.sum() + 1  # the dashed line goes on to where the solid one begins
        np.testing.assert_array_equal(lines["the load is an upper bound"], [kappa[:last], values[:last]])
        assert ax.get_ylabel() == quantity
    assert figure.axes[1].get_xlabel() == "robustness"


def test_the_goal_is_drawn():
    loads = np.linspace(0.5, 1.5, 4)
    found = robustness(loads)
    top, bottom = plt.figure().subplots(2)
    plotting.plot_capacity(found, "load", loads, goal="robustness", axes=(top, bottom))
    assert list(lines_of(top)) == ["exact"]
    np.testing.assert_array_equal(lines_of(top)["exact"], [loads, found.robustness])
    assert (top.get_ylabel(), top.get_xlabel()) == ("robustness", "load")


def test_what_does_not_fit_is_refused():
    found = capacity(robustness=[0, 1])
    with pytest.raises(InputError, match=r"must have one shape, got \(2,\) and \(3,\)"):
        plotting.plot_capacity(found, "robustness", [0, 1, 2])
    with pytest.raises(InputError, match="unknown goal 'gap'"):
        plotting.plot_capacity(found, "robustness", [0, 1], goal="gap")
    with pytest.raises(InputError, match="axes must be two"):
        plotting.plot_capacity(found, "robustness", [0, 1], axes=[plt.figure().add_subplot()])


def test_axes_stand_for_their_figure(tmp_path):
    figure = plotting.plot_capacity(capacity(robustness=[0, 1], gap=1), "robustness", [0, 1])
    plotting.save(figure, tmp_path / "figure.png")
    plotting.save(figure.axes[1], tmp_path / "axes.png")
    assert (tmp_path / "figure.png").read_bytes() == (tmp_path / "axes.png").read_bytes()
