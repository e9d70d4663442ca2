"""Column generation without the compiler: every kernel computes the same bits."""

from __future__ import annotations

import os
import subprocess
import sys

PRINT_FITS = """
import numpy as np
import convexnn as cnn
from convexnn.lasso.folded_reflections import solve_folded_reflections
from convexnn.lasso.reflections import solve_reflections
from convexnn.lasso.switching_patterns import solve_patterns
rng = np.random.default_rng(15)
x, y, weight = rng.random(12), rng.standard_normal(12), rng.uniform(0.5, 2, 12)
for n, solver, architecture in (
    (12, solve_reflections, cnn.Architecture("absolute", 3)),
    (12, solve_reflections, cnn.Architecture("relu", 3, form="symmetrized")),
    (6, solve_folded_reflections, cnn.Architecture("absolute", 4)),
    (12, solve_patterns, cnn.Architecture("sign", 3, form="parallel", widths=(3,))),
):
    problem = cnn.Problem(x[:n], y[:n], 1e-3, architecture, sample_weight=weight[:n])
    proof, expand, rounds = solver(problem, 1e-9)
    features, coef, intercept = expand()
    print(rounds, [f.knots for f in features], *(v.hex() for v in (*coef.tolist(), *proof.dual_point.tolist())))
"""


def test_compiled_and_interpreted_agree_bit_by_bit():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PRINT_FITS],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in ("0", "1")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == 4
