"""The compiled branch and bound against its Python source."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

CODE = """
import numpy as np
from convexnn.associative import learn, random_associations
for seed, constraints in enumerate(({"density": 0.4}, {"gap": 2.0}, {"density": 0.3, "gap": 1.5, "threshold": 0.05})):
    found = learn(random_associations(12, 7, rng=np.random.default_rng(seed)), **constraints)
    print(found.status, *(weight.hex() for weight in found.weights.tolist()))
overloaded = learn(random_associations(5, 15, rng=np.random.default_rng(3)))
print(overloaded.status, overloaded.robustness.hex())
"""


def test_compiled_and_not():
    outputs = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "OPENBLAS_NUM_THREADS": "1"}
        run = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment, timeout=300
        )
        outputs.append(run.stdout.splitlines())
    assert len(outputs[0]) == 4
    for compiled, interpreted in zip(*outputs, strict=True):
        (status, *a), (other, *b) = compiled.split(), interpreted.split()
        assert status == other == "optimal"
        assert np.array([float.fromhex(v) for v in a]) == pytest.approx([float.fromhex(v) for v in b], abs=1e-9)
