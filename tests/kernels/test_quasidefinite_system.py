"""Newton systems of quantile splines, against dense matrices."""

from __future__ import annotations

import numpy as np
from test_quantile_splines import every_shape, stiffness

from convexnn.kernels.quasidefinite_system import System, factor, imbalance, newton_step, substitute


@every_shape
def test_newton_steps_solve_the_bordered_system(kappa, bounded):
    rng = np.random.default_rng(7)
    k = 6
    lengths, diagonal, off = rng.uniform(0.1, 1, k - 1), rng.uniform(2, 3, k), rng.uniform(0, 1, k - 1)
    curvature, lean = rng.exponential(size=k), kappa * rng.normal(size=k)
    corner = -np.eye(2) - kappa * np.ones((2, 2))
    gram = np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)
    free = np.arange(k) if bounded else np.arange(1, k - 1)
    t = stiffness(lengths)
    if not bounded:
        curvature[[0, -1]] = -1.0
        lean[[0, -1]] = 0.0
    matrix = np.block([[gram, t[:, free]], [t[free], -np.diag(curvature[free])]])
    right, ends = rng.normal(size=(2, k)), rng.normal(size=2)
    if not bounded:
        right[1, [0, -1]] = 0.0
        columns = np.zeros((k + free.size, 2))
        columns[:k, 0], columns[k:, 1] = t[:, 0] - t[:, -1], lean[free]
        matrix = np.block([[matrix, columns], [columns.T, corner]])
    expected = np.linalg.solve(matrix, np.concatenate((right[0], right[1, free], [] if bounded else ends)))

    inverses, border, step = np.empty((k, 3)), np.zeros((0 if bounded else 2, 2, k)), np.empty((2, k))
    factor(diagonal, off, lengths, curvature, inverses)
    if not bounded:
        border[0, 0], border[1, 1] = t[:, 0] - t[:, -1], lean
        for u, w in border:
            substitute(inverses, off, lengths, curvature, u, w)
    system = System(diagonal, off, curvature, lean, corner, inverses, border)
    v, e = newton_step(lengths, system, right, ends, step)
    np.testing.assert_allclose(np.concatenate((step[0], step[1, free], [] if bounded else [v, e])), expected, rtol=1e-9)


def test_imbalance_is_what_the_curve_lacks():
    rng = np.random.default_rng(8)
    lengths, load, w = rng.uniform(0.1, 1, 5), rng.normal(size=6), rng.normal(size=6)
    found = imbalance(load, w, lengths)
    np.testing.assert_allclose(found, load - stiffness(lengths) @ w, atol=1e-12)
    np.testing.assert_array_equal(found, getattr(imbalance, "py_func", imbalance)(load, w, lengths))
