"""Pictures show what the solution says, and the dual curves are what their labels claim."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from importlib import import_module

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

import convexnn as cnn
from convexnn import plotting
from convexnn.errors import InputError, MissingDependencyError
from convexnn.lasso.dual_curve import dual_curve
from convexnn.plotting import curves, paths, style

ARCHITECTURES = {
    "relu": cnn.Architecture("relu"),
    "leaky": cnn.Architecture(cnn.leaky_relu(0.3)),
    "absolute": cnn.Architecture("absolute"),
    "sign": cnn.Architecture("sign"),
    "threshold": cnn.Architecture("threshold"),
    "ramps": cnn.Architecture("relu", 4),
    "absolute depth 3": cnn.Architecture("absolute", 3),
    "absolute depth 4": cnn.Architecture("absolute", 4),
    "symmetrized": cnn.Architecture("relu", 3, form="symmetrized"),
    "parallel": cnn.Architecture("sign", 3, form="parallel", widths=(2,)),
    "tree": cnn.Architecture("threshold", 4, form="tree", widths=(2, 2)),
}
MOVED = [name for name in ARCHITECTURES if name not in ("ramps", "parallel", "tree")]
SEVERAL_SWITCHES = ["parallel", "tree"]
# Values on the curves are sums of at most 10 products of the data, so they round within this share of their scale.
ROUNDING = 1e-12

every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


@cache
def solved(name: str) -> cnn.Solution:
    """Noisy data in no order, with one tie, and a beta at which several features are selected."""
    rng = np.random.default_rng(8)
    x = rng.permutation([-2.0, -0.5, 0.5, 0.5, 1.25, 3.0, 4.0, 6.5])
    y = 3 * np.sin(x) + rng.normal(size=x.size)
    hardest = cnn.Problem(x, y, 1.0, ARCHITECTURES[name])
    return cnn.solve(cnn.Problem(x, y, 0.05 * hardest.beta_max, ARCHITECTURES[name]), tol=1e-9, on_failure="raise")


def constant_fit(name: str) -> cnn.Solution:
    x = np.array([0.0, 1.0, 3.0, 4.0])
    problem = cnn.Problem(x, x**2 % 5, 1.0, ARCHITECTURES[name])
    return cnn.solve(cnn.Problem(x, x**2 % 5, 2 * problem.beta_max, ARCHITECTURES[name]))


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    plt.close("all")


def points(ax, label):
    """The points drawn under a label."""
    return [point for line in ax.lines if line.get_label() == label for point in zip(*line.get_data(), strict=True)]


def correlations(solution):
    """Each selected feature's inner product with the dual point, in the caller's order of rows."""
    x, th = solution.problem.x, solution.certificate.dual_point
    return np.array([feature(x) @ th for feature in solution.features])


@every_architecture
def test_the_fit_is_drawn_exactly(name):
    solution = solved(name)
    curve = curves.fit_curve(solution)
    x = np.linspace(curve.x[0], curve.x[-1], 997)  # no knot of these data
    drawn = np.interp(x, curve.x, curve.y)
    np.testing.assert_allclose(drawn, solution.predict(x), atol=ROUNDING * np.abs(curve.y).max())
    assert curve.x[0] < solution.problem.x.min()
    assert curve.x[-1] > solution.problem.x.max()


@pytest.mark.parametrize("name", ["sign", "threshold", *SEVERAL_SWITCHES])
def test_steps_are_drawn_as_steps(name):
    solution = solved(name)
    curve = curves.fit_curve(solution)
    for knot in curve.knots:
        before, after = (y for x, y in zip(curve.x, curve.y, strict=True) if x == knot)
        np.testing.assert_allclose([before, after], solution.predict([np.nextafter(knot, -np.inf), knot]))


@every_architecture
def test_every_knot_of_the_solution_is_marked_on_the_fit_by_its_origin(name):
    solution = solved(name)
    origins = {}
    for feature in solution.features:
        for knot, origin in zip(feature.knots, feature.origins, strict=True):
            origins.setdefault(knot, set()).add(origin)
    simplest_first = ("data", "between", "midpoint", "reflection", "combination")
    expected = Counter(next(origin for origin in simplest_first if origin in found) for found in origins.values())

    ax = plotting.plot_fit(solution)
    drawn = {origin: points(ax, look["label"]) for origin, look in style.MARKS.items()}
    assert {origin: len(found) for origin, found in drawn.items() if found} == expected
    assert sorted(knot for found in drawn.values() for knot, _ in found) == sorted(origins)
    assert len(points(ax, "data")) == solution.problem.n_samples


def test_mirror_images_midpoints_and_longer_sums_do_occur():
    shown = Counter(origin for name in ARCHITECTURES for origin in curves.fit_curve(solved(name)).origins)
    assert set(shown) == set(style.MARKS)


@every_architecture
def test_features_add_up_to_the_fit(name):
    solution = solved(name)
    x = np.linspace(-2.0, 6.5, 499)
    drawn = [
        curves.feature_curve(feature, z, feature.label, (-30.0, 30.0))
        for feature, z in zip(solution.features, solution.coef, strict=True)
    ]
    total = solution.intercept + sum(np.interp(x, curve.x, curve.y) for curve in drawn)
    scale = sum(np.abs(curve.y).max() for curve in drawn)
    np.testing.assert_allclose(total, solution.predict(x), atol=ROUNDING * scale)


@every_architecture
def test_every_feature_has_a_row_with_its_label(name):
    solution = solved(name)
    ax = plotting.plot_features(solution)
    shown = [text.get_text() for text in ax.texts]
    assert len(shown) == min(len(solution.features), 8)
    labels = [style.typeset(feature.label) for feature in solution.features]
    assert all(any(text.endswith(label) for label in labels) for text in shown)


def test_of_many_features_the_largest_are_drawn():
    x = np.arange(14.0)
    problem = cnn.Problem(x, np.where(x % 2 == 0, x, -x), 0.01, cnn.Architecture("sign"))
    solution = cnn.solve(problem)
    assert len(solution.features) == 13
    ax = plotting.plot_features(solution)
    assert len(ax.texts) == 8
    assert ax.get_title(loc="left") == "the 8 largest of 13 features"
    drawn = [curve.y[-1] - curve.y[0] for curve in curves.feature_curves(solution)]
    assert sorted(np.abs(drawn)) == pytest.approx(sorted(2 * np.abs(solution.coef))[-8:])


@every_architecture
def test_the_dual_curve_stays_within_its_bounds(name):
    solution = solved(name)
    dual = dual_curve(solution, curves.window(solution))
    largest = max(dual.bounds.values())
    for _, value in dual.curves:
        assert np.abs(value).max() <= largest * (1 + ROUNDING)


@every_architecture
def test_the_dual_curve_touches_its_bounds_at_the_selected_features(name):
    solution = solved(name)
    ax = plotting.plot_dual(solution)
    marks = points(ax, "selected feature")
    bounds = list(dual_curve(solution, curves.window(solution)).bounds.values())
    assert len(marks) > 1
    for t, value in marks:
        assert min(abs(value - bound) for bound in bounds) <= 1e-6 * max(bounds)
        on_a_curve = [np.interp(t, *line.get_data()) for line in ax.lines if len(line.get_xdata()) > 2]
        assert min(abs(value - height) for height in on_a_curve) <= ROUNDING * max(bounds)


@pytest.mark.parametrize("name", MOVED)
def test_a_moved_feature_has_the_drawn_correlation(name):
    solution = solved(name)
    x, th = solution.problem.x, solution.certificate.dual_point
    dual = dual_curve(solution, curves.window(solution))
    np.testing.assert_allclose(dual.selected_value, correlations(solution), rtol=ROUNDING)
    ts = np.linspace(*curves.window(solution), 331)
    for feature, centre in zip(solution.features, dual.selected_t, strict=True):
        assert centre in feature.knots
        moved = np.array([feature(x - (t - centre)) @ th for t in ts])
        errors = [np.abs(np.interp(ts, *curve) - moved).max() for curve in dual.curves]
        assert min(errors) <= ROUNDING * solution.problem.beta


def test_a_difference_of_heights_is_the_correlation_of_a_ramp():
    solution = solved("ramps")
    (curve,) = dual_curve(solution, curves.window(solution)).curves
    for feature, correlation in zip(solution.features, correlations(solution), strict=True):
        low, high = np.interp(feature.knots, *curve)
        assert high - low == pytest.approx(correlation, rel=ROUNDING)


@pytest.mark.parametrize("name", SEVERAL_SWITCHES)
def test_the_pattern_curve_is_the_largest_correlation_of_all_patterns_that_switch_there(name):
    solution = solved(name)
    dictionary = solution.problem.dictionary
    values = np.abs(dictionary.correlations(solution.certificate.dual_point))
    (curve,) = dual_curve(solution, curves.window(solution)).curves
    for knot in {knot for feature in dictionary for knot in feature.knots}:
        largest = max(v for v, feature in zip(values, dictionary, strict=True) if knot in feature.knots)
        assert np.interp(knot, *curve) == pytest.approx(largest, rel=ROUNDING)


@every_architecture
def test_the_constant_fit_and_a_single_point_have_pictures(name):
    figure = plotting.plot_solution(constant_fit(name))
    assert "the fit is constant" in figure.axes[1].texts[0].get_text()
    assert not points(figure.axes[2], "selected feature")
    plotting.plot_solution(cnn.solve(cnn.Problem([2.0], [1.0], 1.0, ARCHITECTURES[name])))


@every_architecture
def test_pictures_draw_where_they_are_told_and_leave_the_style_alone(name):
    before = dict(mpl.rcParams)
    figure, axes = plt.subplots(3)
    for plot, ax in zip((plotting.plot_fit, plotting.plot_features, plotting.plot_dual), axes, strict=True):
        assert plot(solved(name), ax=ax) is ax
        assert ax.lines
    assert plotting.plot_solution(solved(name), axes=list(axes)) is figure
    assert len(plotting.plot_solution(solved(name)).axes) == 3
    assert dict(mpl.rcParams) == before


def test_what_a_backend_sets_when_it_is_loaded_stays_set(tmp_path):
    """A notebook's backend turns interactive mode on when pyplot makes its first figure."""
    backend = "from matplotlib.backends.backend_agg import *\nimport matplotlib\nmatplotlib.interactive(True)\n"
    (tmp_path / "notebook_backend.py").write_text(backend)
    program = """if True:
        import matplotlib, convexnn as cnn
        problem = cnn.Problem([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 0.1, cnn.Architecture("relu"))
        cnn.plotting.plot_solution(cnn.solve(problem))
        assert matplotlib.is_interactive()
    """
    environment = {**os.environ, "MPLBACKEND": "module://notebook_backend", "PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_three_axes_are_needed():
    _, axes = plt.subplots(2)
    with pytest.raises(InputError, match="axes must be three, for fit, features and dual, got 2"):
        plotting.plot_solution(solved("relu"), axes=list(axes))


@pytest.mark.parametrize("ending", ["pdf", "png", "svg"])
def test_the_same_figure_gives_the_same_bytes(ending, tmp_path):
    for k in range(2):
        plotting.save(plotting.plot_solution(solved("symmetrized")), tmp_path / f"{k}.{ending}")
    assert (tmp_path / f"0.{ending}").read_bytes() == (tmp_path / f"1.{ending}").read_bytes()


@pytest.mark.parametrize("ending", ["pdf", "png", "svg"])
def test_the_last_digit_of_the_layout_changes_no_byte(ending, tmp_path, monkeypatch):
    """It is not the same in every run; names in SVG files are hashes of all digits."""
    exact = ConstrainedLayoutEngine.execute

    def nudged(engine, figure):
        exact(engine, figure)
        for ax in figure.axes:
            ax.set_position(np.nextafter(ax.get_position(original=True).bounds, 1.0))
            ax.set_in_layout(True)

    for name, execute in (("exact", exact), ("nudged", nudged)):
        monkeypatch.setattr(ConstrainedLayoutEngine, "execute", execute)
        plotting.save(plotting.plot_solution(solved("symmetrized")), tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"exact.{ending}").read_bytes() == (tmp_path / f"nudged.{ending}").read_bytes()


def test_a_picture_needs_a_known_ending_and_a_folder(tmp_path):
    figure = plotting.plot_fit(solved("relu")).figure
    with pytest.raises(InputError, match=r"must end with \.pdf, \.png, \.svg; got a\.gif"):
        plotting.save(figure, "a.gif")
    with pytest.raises(InputError, match="cannot write"):
        plotting.save(figure, tmp_path / "absent" / "a.png")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "convexnn.plotting")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"pip install convexnn\[plot\]"):
        import_module("convexnn.plotting")


def test_a_path_is_drawn_as_its_coefficients():
    problem = solved("relu").problem
    found = cnn.path(problem)
    ax = plotting.plot_path(found)
    betas, lines = paths.path_lines(found)
    np.testing.assert_array_equal(betas, found.betas)
    end = found.solutions[-1]
    assert {feature: line[-1] for feature, line in lines.items() if line[-1]} == dict(
        zip(end.features, end.coef, strict=True)
    )
    between = np.sqrt(found.betas[1:] * found.betas[:-1])
    for line, feature in zip(ax.lines[1:], lines, strict=True):
        for beta in between:
            coefs = dict(zip(found.at(beta).features, found.at(beta).coef, strict=True))
            drawn = np.interp(beta, *(values[::-1] for values in line.get_data()))
            assert np.nan_to_num(drawn) == pytest.approx(coefs.get(feature, 0.0), abs=1e-9)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == (found.betas[0], found.betas[-1])
    assert ax.get_title(loc="left") == f"{found.betas.size - 1} breakpoints"
    assert len(ax.lines) == 1 + len(lines)


def test_gaps_are_drawn_in_order_and_against_each_number():
    gaps, kinks = np.array([1e-3, 0.0, 1e-6]), np.array([3.0, 5.0, 4.0])
    figure = plotting.plot_gaps(gaps, {"live kinks": kinks}, tol=1e-6)
    ordered, against = figure.axes
    np.testing.assert_array_equal(ordered.lines[0].get_xdata(), [1.0, 1 / 3, 2 / 3])
    np.testing.assert_array_equal(against.lines[0].get_xdata(), kinks)
    np.testing.assert_array_equal(against.lines[0].get_ydata(), [1e-3, np.finfo(float).eps, 1e-6])
    assert against.get_xlabel() == "live kinks"
    assert len(plotting.plot_gaps(gaps, {}, tol=1e-6).axes) == 1
