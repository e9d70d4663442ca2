"""Random numbers by key and index: any number of a stream is drawn without those before it."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_ONE = np.uint64(1)
_GOLDEN, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_12, _SHIFT_27, _SHIFT_30, _SHIFT_31 = np.uint64(12), np.uint64(27), np.uint64(30), np.uint64(31)

# Numerators and denominators of the quantile of the normal law, algorithm AS241 (Wichura, 1988), highest power first.
_CENTRE = (
    (2.50908092873012267270e3, 3.34305755835881281050e4, 6.72657709270087008530e4, 4.59219539315498714570e4,
     1.37316937655094611250e4, 1.97159095030655144270e3, 1.33141667891784377450e2, 3.38713287279636660800e0),
    (5.22649527885285456100e3, 2.87290857357219426740e4, 3.93078958000927106100e4, 2.12137943015865958670e4,
     5.39419602142475110770e3, 6.87187007492057908300e2, 4.23133307016009112520e1, 1.0),
)  # fmt: skip
_SIDE = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def random_bits(key: np.uint64, index: np.uint64) -> np.uint64:
    """Number `index` of the stream of a key: SplitMix64 (Steele, Lea and Flood, 2014), started at that place."""
    z = key + (index + _ONE) * _GOLDEN
    z = (z ^ (z >> _SHIFT_30)) * _MIX_1
    z = (z ^ (z >> _SHIFT_27)) * _MIX_2
    return z ^ (z >> _SHIFT_31)


@njit(cache=True, nogil=True, error_model="numpy")
def uniform(key: np.uint64, index: np.uint64) -> float:
    """Uniform in (0, 1), ends excluded: the middle of one of 2^52 cells."""
    return (float(random_bits(key, index) >> _SHIFT_12) + 0.5) * 2.0**-52


@njit(cache=True, nogil=True, error_model="numpy")
def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: float) -> float:
    above, below = coefficients
    numerator = denominator = 0.0
    for i in range(8):
        numerator = numerator * r + above[i]
        denominator = denominator * r + below[i]
    return numerator / denominator


@njit(cache=True, nogil=True, error_model="numpy")
def normal_quantile(u: float) -> float:
    """Where the normal distribution function is u, in (0, 1): algorithm AS241."""
    q = u - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_CENTRE, 0.180625 - q * q)
    r = math.sqrt(-math.log(u if q < 0 else 1.0 - u))
    z = _ratio(_SIDE, r - 1.6) if r <= 5.0 else _ratio(_TAIL, r - 5.0)
    return -z if q < 0 else z
