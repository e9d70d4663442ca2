"""Values of the replica theory: closed forms, and tables from a solver that shares no code with this one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from convexnn.associative import capacity, max_sparsity, robustness

TABLE = 1e-6  # the tables have seven digits
CLOSED_FORM = 1e-9


def tight_fraction(f_out: float) -> float:
    """The mean of E over the outputs at robustness 0."""
    parameters = capacity(f_out=f_out).order_parameters
    e_minus, e_plus = norm.cdf(np.sqrt(2) * np.array([parameters["u_minus"], parameters["u_plus"]]))
    return f_out * e_minus + (1 - f_out) * e_plus


@pytest.mark.parametrize(
    ("f_out", "load"), [(0.5, 2.0), (0.4, 2.0527240), (0.2, 2.6675946), (0.1, 3.9129019), (0.9, 3.9129019)]
)
@pytest.mark.parametrize("f_in", [0.5, 0.02, [0.1, 0.2, 0.6]])
def test_without_margin_or_threshold(f_out, load, f_in):
    found = capacity(f_out=f_out, f_in=f_in)
    assert found.load == pytest.approx(load, abs=CLOSED_FORM if f_out == 0.5 else 6e-8)
    assert found.sparsity == pytest.approx(0, abs=CLOSED_FORM)


def test_order_parameters_without_margin_or_threshold():
    parameters = capacity().order_parameters
    assert parameters["Q"] == pytest.approx(2 / np.sqrt(np.pi), abs=CLOSED_FORM)
    assert parameters["q"] == pytest.approx(np.pi / 8, abs=CLOSED_FORM)


@pytest.mark.parametrize("f_in", [0.5, 0.2])
@pytest.mark.parametrize("inhibitory", [0.0, 0.1, 0.2, 0.3, 0.5, 1.0])
def test_signs_at_their_best_threshold(inhibitory, f_in):
    found = capacity(inhibitory=inhibitory, f_in=f_in, threshold=f_in * (1 - 2 * inhibitory))
    assert found.load == pytest.approx(1, abs=CLOSED_FORM)
    assert found.sparsity == pytest.approx(0.5, abs=CLOSED_FORM)


@pytest.mark.parametrize("robustness", [0.0, 0.1, 1.0])
def test_weights_of_one_sign_are_like_half_of_each(robustness):
    # (ii) and (iii) coincide, so that z is not determined; the source takes z = 0.
    one = capacity(inhibitory=0, threshold=0.5, robustness=robustness)
    half = capacity(inhibitory=0.5, robustness=robustness)
    assert one.load == pytest.approx(half.load, abs=CLOSED_FORM)
    assert one.order_parameters["z"] == 0


@pytest.mark.parametrize("f_out", [0.5, 0.2])
@pytest.mark.parametrize("density", [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0])
def test_density_without_margin_or_threshold(density, f_out):
    t = norm.isf(density / 2)
    found = capacity(density=density, f_out=f_out)
    assert found.load == pytest.approx((density + 2 * t * norm.pdf(t)) / tight_fraction(f_out), abs=CLOSED_FORM)
    assert found.order_parameters["x"] == pytest.approx(t / np.sqrt(2), abs=CLOSED_FORM)
    assert found.order_parameters["Q"] == pytest.approx(2 * np.exp(-(t**2) / 2) / np.sqrt(np.pi), abs=CLOSED_FORM)


def test_density_table():
    density = [0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1]
    loads = [0.5582009, 0.8785721, 1.2996406, 1.5666142, 1.8573482, 1.9915150, 2]
    np.testing.assert_allclose(capacity(density=density).load, loads, atol=TABLE)


def test_norm_only():
    table = np.array(
        [
            [0.05, 1.7678282, 0.0618713, 0.0548871, 1.0220026, 0.4222321],
            [0.1, 1.5741832, 0.1200161, 0.1067658, 0.9276855, 0.4537174],
            [0.2, 1.2728165, 0.2248451, 0.2019770, 0.7701466, 0.5223201],
            [0.5, 0.7581666, 0.4573795, 0.4305255, 0.4702465, 0.7691508],
            [1, 0.4089130, 0.6687604, 0.6870392, 0.2486653, 1.2969862],
            [2, 0.1835228, 0.8370745, 0.9866259, 0.1047915, 2.7107789],
        ]
    )
    found = capacity(robustness=table[:, 0])
    parameters = found.order_parameters
    columns = (found.load, found.sparsity, parameters["eta"], parameters["Q"], parameters["q"])
    np.testing.assert_allclose(np.transpose(columns), table[:, 1:], atol=TABLE)
    np.testing.assert_array_equal(parameters["z"], 0)
    np.testing.assert_allclose(parameters["u_minus"], parameters["u_plus"], atol=CLOSED_FORM)


@pytest.mark.parametrize(
    ("threshold", "margin", "load", "sparsity"),
    [
        (0.1, 0, 1.9497963, 0.0251019),
        (0.1, 0.1, 1.5395798, 0.1405368),
        (0.1, 0.5, 0.7468236, 0.4668506),
        (0.2, 0, 1.8072486, 0.0963757),
        (0.2, 0.1, 1.4401022, 0.1992262),
    ],
)
def test_norm_and_threshold(threshold, margin, load, sparsity):
    found = capacity(threshold=threshold, robustness=margin)
    assert found.load == pytest.approx(load, abs=TABLE)
    assert found.sparsity == pytest.approx(sparsity, abs=TABLE)


@pytest.mark.parametrize(
    ("inhibitory", "loads", "sparsities"),
    [
        (0.2, (0.7497391, 0.6471091, 0.3937156, 0.2450855), (0.6251304, 0.6527805, 0.7433261, 0.8179853)),
        (0.5, (1, 0.8417214, 0.4789360, 0.2854033), (0.5, 0.5432084, 0.6788432, 0.7821118)),
    ],
)
def test_signs(inhibitory, loads, sparsities):
    found = capacity(inhibitory=inhibitory, robustness=[0, 0.1, 0.5, 1])
    np.testing.assert_allclose(found.load, loads, atol=TABLE)
    np.testing.assert_allclose(found.sparsity, sparsities, atol=TABLE)


def test_multipliers_of_signs():
    assert capacity(inhibitory=0.2, robustness=0.1).order_parameters["z"] == pytest.approx(0.3724281, abs=TABLE)
    # The l1 norm is an equality: its multiplier can be negative.
    assert capacity(inhibitory=0.2, threshold=0.1).order_parameters["eta"] == pytest.approx(-0.0572, abs=5e-5)


def test_density():
    found = capacity(robustness=[0, 0.1, 0.5], density=[[0.2], [0.3], [0.5], [0.8]])
    loads = [
        [1.2996406, 1.1336540, 0.6865864],
        [1.5666142, 1.3288868, 0.7374834],
        [1.8573482, 1.5144369, 0.7580810],
        [1.9915150, 1.5736854, 0.7581666],
    ]
    x = found.order_parameters["x"]
    np.testing.assert_allclose(found.load, loads, atol=TABLE)
    np.testing.assert_allclose(x[0], [0.9061938, 0.8179158, 0.5153825], atol=TABLE)
    np.testing.assert_allclose(x[1, 1:], [0.6365586, 0.3176686], atol=TABLE)
    np.testing.assert_allclose(x[2], [0.4769363, 0.3730338, 0.0467222], atol=TABLE)
    np.testing.assert_allclose(x[3, 1:], [0.0724338, 0], atol=TABLE)
    assert found.density_binds.sum() == 11
    assert not found.density_binds[3, 2]


def test_gap():
    found = capacity(robustness=[0, 0.1, 0.5], gap=[[0.5], [1], [2], [5]])
    loads = [
        [1.9918655, 1.5702363, 0.7578314],
        [1.9443476, 1.5464943, 0.7556805],
        [1.7509069, 1.4367665, 0.7422894],
        [1.2461947, 1.0863568, 0.6588589],
    ]
    sparsities = [
        [0.1624234, 0.2499385, 0.5114595],
        [0.3259850, 0.3791919, 0.5639024],
        [0.5638894, 0.5802779, 0.6585480],
        [0.8062673, 0.8079624, 0.8181606],
    ]
    np.testing.assert_allclose(found.load, loads, atol=TABLE)
    np.testing.assert_allclose(found.sparsity, sparsities, atol=TABLE)
    np.testing.assert_allclose(found.order_parameters["eta"][2], [0.1260208, 0.1977701, 0.4527803], atol=TABLE)
    parked = [sum(mass for weight, mass in part.atoms if weight) for part in found[2]]
    np.testing.assert_allclose(parked, [0.2683192, 0.2375568, 0.1346012], atol=TABLE)


def test_sparsest_weights():
    loads = [0.25, 0.5, 1, 1.4]
    sparsities = {
        "density": [[0.983412, 0.957328, 0.875993, 0.767197], [0.982474, 0.952958, 0.846855, 0.645587]],
        "gap": [[0.983154, 0.956307, 0.870861, 0.753709], [0.982184, 0.951703, 0.839163, 0.619125]],
    }
    for by, table in sparsities.items():
        found = max_sparsity(loads, robustness=[[0], [0.1]], by=by)
        np.testing.assert_allclose(found.sparsity, table, atol=TABLE)
        np.testing.assert_allclose(found.load, np.broadcast_to(loads, (2, 4)), rtol=1e-11)
    np.testing.assert_allclose(found.gap[1, 1:], [20.606, 6.0319, 2.2769], rtol=3e-5)


def test_signs_and_gap():
    found = capacity(inhibitory=0.2, gap=2.5, robustness=1)
    assert found.load == pytest.approx(0.24463, abs=5e-6)
    assert found.sparsity == pytest.approx(0.849, abs=5e-4)


@pytest.mark.parametrize(
    ("load", "arguments", "margin", "sparsity", "q"),
    [
        (0.75, {}, 0.5073, 0.4618, 0.7758),
        (1.5, {}, 0.1217, 0.1441, 0.4680),
        (0.4, {"inhibitory": 0.2}, 0.4855, 0.7406, 1.6208),
        (0.6, {"inhibitory": 0.2, "threshold": 0.1}, 0.2473, 0.6454, 1.1554),
        (0.6, {"f_in": 0.2, "f_out": 0.2, "threshold": 0.1}, 0.6937, None, None),
        (0.8, {"f_out": 0.3, "threshold": 0.1}, 0.5352, None, None),
        (0.6, {"density": 0.3}, 0.6605, 0.7, None),
        (0.6, {"density": 0.2}, 0.6181, 0.8, None),
        (0.6, {"gap": 2}, 0.6586, 0.6901, None),
    ],
)
def test_robustness_at_a_load(load, arguments, margin, sparsity, q):
    found = robustness(load, **arguments)
    assert found.robustness == pytest.approx(margin, abs=6e-5)
    if sparsity is not None:
        assert found.sparsity == pytest.approx(sparsity, abs=6e-5)
    if q is not None:
        assert found.order_parameters["q"] == pytest.approx(q, abs=6e-5)
