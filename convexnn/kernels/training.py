"""Gradient descent on many small networks, each in float64 and on its own random numbers.

The parameters of a network are one vector: of every hidden layer the weights, the biases and, where the layer is
normalised, the scales; then the output weights and the output biases. Weights are stored by input, then by output; a
diagonal layer has one weight a unit. Units that are removed leave the vector, so that the rest trains faster.

One hidden layer over one input has a gradient in O(n + m) instead of O(n m). With sorted inputs every unit is on for
the rows before or after its kink, so that all units' lines are summed by a running sum over the rows, and the
gradients are differences of running sums of the residuals r and r x. Kinks move little in a step: every unit keeps a
pointer to its kink's place among the rows.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from convexnn.kernels.training_arrays import Flags, Floats, Ints, Networks, Task, Words, Work

SQUARED, LOGISTIC = 0, 1
SGD, ADAM = 0, 1
WEIGHTS, BIASES, SCALES = 0, 1, 2
ALL, LIVE, DEAD = 0, 1, 2

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam
SMALLEST_VARIANCE = 1e-5  # added to the variance of a normalised unit

_ZERO, _ONE = np.uint64(0), np.uint64(1)
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


@njit(cache=True, nogil=True, error_model="numpy")
def layout(widths: Ints, diagonal: bool, normalised: bool, starts: Ints, kinds: Ints) -> None:
    """Where the blocks of parameters begin, where the last one ends, and whether they are weights, biases or scales."""
    position = block = 0
    last = widths.size - 2
    for layer in range(last + 1):
        fan_in = 1 if diagonal and 0 < layer < last else widths[layer]
        for kind in range(3 if normalised and layer < last else 2):
            starts[block], kinds[block] = position, kind
            position += fan_in * widths[layer + 1] if kind == WEIGHTS else widths[layer + 1]
            block += 1
    starts[block] = position


@njit(cache=True, nogil=True, error_model="numpy")
def _loss_and_slope(loss: int, y: float, f: float) -> tuple[float, float]:
    """The loss of one output and its derivative in the prediction."""
    if loss == SQUARED:
        return 0.5 * (f - y) * (f - y), f - y
    margin = y * f
    small = math.exp(-abs(margin))
    share = small / (1.0 + small) if margin >= 0 else 1.0 / (1.0 + small)
    return math.log1p(small) + max(-margin, 0.0), -y * share


@njit(cache=True, nogil=True, error_model="numpy")
def sorted_gradient(
    x: Floats,
    y: Floats,
    weight: Floats,
    loss: int,
    left: float,
    right: float,
    m: int,
    theta: Floats,
    kinks: Words,
    slope: Floats,
    level: Floats,
    gradient: Floats,
) -> float:
    """Weighted loss and its gradient for one hidden layer over sorted inputs, in O(n + m).

    Parameters
    ----------
    x : (n + 2,) array
        Inputs ascending, between minus and plus infinity.
    y, weight : (n,) arrays
    left, right : float
        Slopes of the activation.
    m : int
        How many units there are; longer arrays of parameters and kinks are left alone beyond them.
    theta, gradient : (3 m + 1,) arrays
        Input weights, biases, output weights and the intercept.
    kinks : (m,) array
        First row beyond the kink of each unit; any rows from 0 to n on entry.
    slope, level : (2 n + 2,) arrays
        The first halves zero, and left so.

    Notes
    -----
    Unit j is on in the rows where ``w x + b > 0`` in floating point. Rounding is monotone, so that these are the rows
    from ``kinks[j]`` on if w >= 0, and those before it if w < 0. The running sums round relative to the largest of the
    lines ``a (w x + b)``, also in rows where that unit is off.
    """
    # Unsigned, so that indexing need not look for negative numbers.
    n, units = np.uint64(y.size), np.uint64(m)
    outer, last = units + units, units + units + units
    s, t, jump = 0.0, theta[last], right - left
    for j in range(units):
        w, b = theta[j], theta[units + j]
        rising = w >= 0
        k = kinks[j]
        # Without a look at the ends: beyond them lie infinite inputs, on the far side of every kink.
        if (w * x[k] + b > 0) == rising or (w * x[k + _ONE] + b > 0) != rising:
            while k > _ZERO and (w * x[k] + b > 0) == rising:
                k -= _ONE
            while k < n and (w * x[k + _ONE] + b > 0) != rising:
                k += _ONE
            kinks[j] = k
        p, q = theta[outer + j] * w, theta[outer + j] * b
        before, change = (left, jump) if rising else (right, -jump)
        s += before * p
        t += before * q
        slope[k] += change * p
        level[k] += change * q

    total = residuals = products = 0.0
    for i in range(n):
        s += slope[i]
        t += level[i]
        slope[i], level[i] = residuals, products
        f = s * x[i + _ONE] + t
        if loss == SQUARED:
            r = f - y[i]
            total += weight[i] * (0.5 * r * r)
        else:
            value, r = _loss_and_slope(loss, y[i], f)
            total += weight[i] * value
        residuals += weight[i] * r
        products += weight[i] * r * x[i + _ONE]
    slope[n], level[n] = residuals, products
    for i in range(n + _ONE):
        # Of a unit that bends before row i: what it collects if it rises, and, in the second half, if it falls.
        before, beyond = slope[i], residuals - slope[i]
        slope[i], slope[n + _ONE + i] = left * before + right * beyond, right * before + left * beyond
        before, beyond = level[i], products - level[i]
        level[i], level[n + _ONE + i] = left * before + right * beyond, right * before + left * beyond

    for j in range(units):
        w = theta[j]
        place = kinks[j] if w >= 0 else kinks[j] + n + _ONE
        r, rx = slope[place], level[place]
        gradient[outer + j] = w * rx + theta[units + j] * r
        gradient[j] = theta[outer + j] * rx
        gradient[units + j] = theta[outer + j] * r
    gradient[last] = residuals
    for i in range(n + _ONE):
        slope[i] = level[i] = 0.0
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _dot(a: Floats, b: Floats, n: int) -> float:
    """Sum of the products of the first n entries: four sums in turn, so that it does not wait for each addition."""
    s, t, u, v = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        s += a[i] * b[i]
        t += a[i + 1] * b[i + 1]
        u += a[i + 2] * b[i + 2]
        v += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        s += a[i] * b[i]
    return (s + t) + (u + v)


@njit(cache=True, nogil=True, error_model="numpy")
def _standardise(z: Floats, n: int, ones: Floats, standard: Floats) -> float:
    """Give a unit mean 0 and variance 1 (up to `SMALLEST_VARIANCE`) over n rows; returns what it was divided by."""
    mean = _dot(z, ones, n) / n
    for i in range(n):
        standard[i] = z[i] - mean
    deviation = math.sqrt(_dot(standard, standard, n) / n + SMALLEST_VARIANCE)
    for i in range(n):
        standard[i] /= deviation
    return deviation


@njit(cache=True, nogil=True, error_model="numpy")
def dense_forward(task: Task, widths: Ints, n: int, theta: Floats, work: Work) -> None:
    """The values of all units on the first n rows of ``work.rows``, and which of them are not zero on all of these."""
    hidden, per_layer = widths.size - 2, 3 if task.normalised else 2
    for k in range(widths[0]):
        for i in range(n):
            work.values[0, k, i] = task.x[work.rows[i], k]
    for layer in range(hidden + 1):
        block = per_layer * layer
        weights, biases = work.starts[block], work.starts[block + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        for j in range(widths[layer + 1]):
            z = work.arguments[layer, j]
            for i in range(n):
                z[i] = 0.0
            for k in range(j if diagonal else 0, j + 1 if diagonal else widths[layer]):
                if layer == 0 or work.alive[layer - 1, k]:
                    w = theta[weights + (j if diagonal else k * widths[layer + 1] + j)]
                    h = work.values[layer, k]
                    for i in range(n):
                        z[i] += w * h[i]
            scale = 1.0
            if task.normalised and layer < hidden:
                work.deviation[layer, j] = _standardise(z, n, work.weight, work.standard[layer, j])
                scale = theta[work.starts[block + 2] + j]
                for i in range(n):
                    z[i] = scale * work.standard[layer, j, i]
            for i in range(n):
                z[i] += theta[biases + j]
            if layer < hidden:
                left, right = task.slopes[layer, 0], task.slopes[layer, 1]
                h, alive = work.values[layer + 1, j], False
                for i in range(n):
                    h[i] = (right if z[i] > 0 else left) * z[i]
                    alive |= h[i] != 0.0
                work.alive[layer, j] = alive


@njit(cache=True, nogil=True, error_model="numpy")
def dense_gradient(task: Task, widths: Ints, n: int, weight: float, theta: Floats, work: Work) -> float:
    """Weighted loss and its gradient for networks of any shape, on the first n rows of ``work.rows``."""
    hidden, per_layer, gradient = widths.size - 2, 3 if task.normalised else 2, work.gradient
    dense_forward(task, widths, n, theta, work)
    total = 0.0
    for j in range(widths[hidden + 1]):
        for i in range(n):
            value, r = _loss_and_slope(task.loss, task.y[work.rows[i], j], work.arguments[hidden, j, i])
            total += weight * value
            work.delta[hidden, j, i] = weight * r
    for layer in range(hidden, -1, -1):
        block = per_layer * layer
        weights, biases = work.starts[block], work.starts[block + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        if layer > 0:
            for k in range(widths[layer]):
                for i in range(n):
                    work.delta[layer - 1, k, i] = 0.0
        for j in range(widths[layer + 1]):
            delta = work.delta[layer, j]
            if layer < hidden:
                left, right = task.slopes[layer, 0], task.slopes[layer, 1]
                z = work.arguments[layer, j]
                for i in range(n):
                    delta[i] *= right if z[i] > 0 else left
            gradient[biases + j] = _dot(delta, work.weight, n)
            if task.normalised and layer < hidden:
                standard, scales = work.standard[layer, j], work.starts[block + 2]
                gradient[scales + j] = _dot(delta, standard, n)
                # The part of the gradient that a shift or a stretch of the unit would undo does not pass.
                mean, product = gradient[biases + j] / n, gradient[scales + j] / n
                stretch = theta[scales + j] / work.deviation[layer, j]
                for i in range(n):
                    delta[i] = stretch * (delta[i] - mean - standard[i] * product)
            for k in range(j if diagonal else 0, j + 1 if diagonal else widths[layer]):
                p = weights + (j if diagonal else k * widths[layer + 1] + j)
                if layer > 0 and not work.alive[layer - 1, k]:
                    gradient[p] = 0.0
                else:
                    gradient[p] = _dot(work.values[layer, k], delta, n)
                if layer > 0:
                    w, below = theta[p], work.delta[layer - 1, k]
                    for i in range(n):
                        below[i] += w * delta[i]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _penalise(theta: Floats, gradient: Floats, first: int, last: int, beta: float, exponent: int) -> None:
    """Add the gradient of ``beta / exponent sum |w|^exponent`` over a block of weights."""
    if exponent == 2:
        for p in range(np.uint64(first), np.uint64(last)):
            gradient[p] += beta * theta[p]
        return
    for p in range(first, last):
        gradient[p] += beta * theta[p] * abs(theta[p]) ** (exponent - 2)


@njit(cache=True, nogil=True, error_model="numpy")
def _regularise(
    theta: Floats, target: Floats, first: int, last: int, strength: float, power: int, one_sided: bool
) -> None:
    """Add the gradient of the regulariser of a block to `target`: the gradient, or the parameters themselves."""
    for p in range(first, last):
        w = max(theta[p], 0.0) if one_sided else theta[p]
        target[p] += strength * (w if power == 2 else np.sign(w))


@njit(cache=True, nogil=True, error_model="numpy")
def _sgd(theta: Floats, gradient: Floats, moments: Floats, size: int, rate: float, momentum: float) -> None:
    """Gradient descent with a heavy ball, or without one."""
    if momentum == 0:
        for p in range(np.uint64(size)):
            theta[p] -= rate * gradient[p]
        return
    for p in range(np.uint64(size)):
        moments[0, p] = momentum * moments[0, p] + gradient[p]
        theta[p] -= rate * moments[0, p]


@njit(cache=True, nogil=True, error_model="numpy")
def _adam(theta: Floats, gradient: Floats, moments: Floats, size: int, rate: float, step: int) -> None:
    """Adam (Kingma and Ba, 2015)."""
    first = rate / (1.0 - BETA_1 ** (step + 1))
    second = 1.0 / math.sqrt(1.0 - BETA_2 ** (step + 1))
    for p in range(np.uint64(size)):
        moments[0, p] = BETA_1 * moments[0, p] + (1.0 - BETA_1) * gradient[p]
        moments[1, p] = BETA_2 * moments[1, p] + (1.0 - BETA_2) * gradient[p] * gradient[p]
        theta[p] -= first * moments[0, p] / (math.sqrt(moments[1, p]) * second + EPSILON)


@njit(cache=True, nogil=True, error_model="numpy")
def _shake(task: Task, sigma: float, key: np.uint64, drawn: np.uint64, widths: Ints, theta: Floats, work: Work) -> None:
    """Add noise to the parameters of the units that it is for; a weight is live if both its units are."""
    hidden, block = widths.size - 2, 0
    for layer in range(hidden + 1):
        width = widths[layer + 1]
        diagonal = task.diagonal and 0 < layer < hidden
        for kind in range(3 if task.normalised and layer < hidden else 2):
            first = work.starts[block]
            for p in range(first, work.starts[block + 1]):
                above, below = (p - first) % width, (p - first) // width
                live = layer == hidden or work.alive[layer, above]
                if kind == WEIGHTS and layer > 0:
                    live &= work.alive[layer - 1, above if diagonal else below]
                if task.noisy == ALL or live == (task.noisy == LIVE):
                    theta[p] += sigma * normal_quantile(uniform(key, drawn + np.uint64(p)))
            block += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _remove(task: Task, widths: Ints, units: Ints, theta: Floats, work: Work) -> None:
    """Take the dead units out of the parameters and their moments; the outputs on the data stay what they are."""
    hidden, block, position = widths.size - 2, 0, 0
    for layer in range(hidden):
        # A parallel unit goes as a whole, once its output is zero.
        for j in range(widths[layer + 1]):
            work.keep[layer, j] = work.alive[hidden - 1 if task.diagonal else layer, j]
    for layer in range(hidden + 1):
        width = widths[layer + 1]
        full = layer > 0 and not (task.diagonal and layer < hidden)
        for kind in range(3 if task.normalised and layer < hidden else 2):
            first = work.starts[block]
            for p in range(first, work.starts[block + 1]):
                kept = layer == hidden or work.keep[layer, (p - first) % width]
                if full and kind == WEIGHTS:
                    kept &= work.keep[layer - 1, (p - first) // width]
                if kept:
                    theta[position] = theta[p]
                    for moment in range(2):
                        work.moments[moment, position] = work.moments[moment, p]
                    position += 1
            block += 1
    for layer in range(hidden):
        left = 0
        for j in range(widths[layer + 1]):
            if work.keep[layer, j]:
                units[layer, left] = units[layer, j]
                if layer == 0:
                    work.kinks[left] = work.kinks[j]
                left += 1
        widths[layer + 1] = left
    layout(widths, task.diagonal, task.normalised, work.starts, work.kinds)


@njit(cache=True, nogil=True, error_model="numpy")
def _mark_alive(left: float, right: float, low: float, high: float, m: int, theta: Floats, alive: Flags) -> None:
    """Which units are not zero on all rows from `low` to `high`: their arguments are monotone, also if rounded."""
    for j in range(m):
        first, last = theta[j] * low + theta[m + j], theta[j] * high + theta[m + j]
        alive[0, j] = (right != 0 and max(first, last) > 0) or (left != 0 and min(first, last) < 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(rows: Ints, batch: int, weight: Floats) -> None:
    """Let the first rows of `rows` stand for all."""
    for i in range(rows.size):
        weight[rows[i]] = rows.size / batch if i < batch else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _objective(task: Task, widths: Ints, theta: Floats, work: Work) -> float:
    """Loss on all rows plus penalty; and who is alive on all rows."""
    n = task.y.shape[0]
    if task.in_order:
        _weigh(work.rows, n, work.weight)
        left, right = task.slopes[0, 0], task.slopes[0, 1]
        x, y, m = work.fenced, task.y.reshape(-1), widths[1]
        total = sorted_gradient(
            x, y, work.weight, task.loss, left, right, m, theta, work.kinks, work.slope, work.level, work.gradient
        )
        _mark_alive(left, right, x[1], x[-2], m, theta, work.alive)
    else:
        total = dense_gradient(task, widths, n, 1.0, theta, work)
    size = 0.0
    for block in range(work.kinds.size):
        if work.kinds[block] == WEIGHTS:
            for p in range(work.starts[block], work.starts[block + 1]):
                size += abs(theta[p]) ** task.exponent
    return total + task.beta / task.exponent * size


@njit(cache=True, nogil=True, error_model="numpy")
def _count(widths: Ints, units: Ints, alive: Flags, dead: Flags, before: Ints, counts: Ints) -> None:
    """Compare the dead units with those of the last time, `dead`, and bring these up to date.

    Removed units have died, so that deaths are what is missing from those alive `before` and the revived.
    """
    for layer in range(widths.size - 2):
        for j in range(widths[layer + 1]):
            unit = units[layer, j]
            counts[layer, 0] += alive[layer, j]
            counts[layer, 2] += alive[layer, j] and dead[layer, unit]
            dead[layer, unit] = not alive[layer, j]
        counts[layer, 1] = before[layer] + counts[layer, 2] - counts[layer, 0]
        before[layer] = counts[layer, 0]


@njit(cache=True, nogil=True, error_model="numpy")
def _train(
    task: Task, theta: Floats, widths: Ints, units: Ints, keys: Words, objective: Floats, counts: Ints, work: Work
) -> None:
    n, batch, n_steps = task.y.shape[0], task.batch_size, task.rates.size
    layout(widths, task.diagonal, task.normalised, work.starts, work.kinds)
    # Local names: looking arrays up in a tuple is a noticeable part of a step of half a microsecond.
    gradient, moments, starts, kinds = work.gradient, work.moments, work.starts, work.kinds
    kinks, slope, level, weight, rows = work.kinks, work.slope, work.level, work.weight, work.rows
    x, y, left, right = work.fenced, task.y.reshape(-1), task.slopes[0, 0], task.slopes[0, 1]
    rates, strengths, noises, record_at = task.rates, task.strengths, task.noises, task.record_at
    moments[:] = 0.0
    weight[:] = 1.0
    kinks[:] = _ZERO
    for i in range(n):
        rows[i] = i
    dead, before = np.zeros(units.shape, np.bool_), widths[1:-1].copy()
    drawn, record, m, blocks = _ZERO, 0, widths[1], kinds.size
    for step in range(n_steps + 1):
        if step == record_at[record]:
            objective[record] = _objective(task, widths, theta, work)
            if not math.isfinite(objective[record]):
                objective[record:] = np.inf
                return
            _count(widths, units, work.alive, dead, before, counts[record])
            record += 1
        if step == n_steps:
            return
        if batch < n:
            # The first rows of a shuffle: any permutation to start from gives every subset the same chance.
            for i in range(batch):
                other = i + int(uniform(keys[0], np.uint64(step * batch + i)) * (n - i))
                rows[i], rows[other] = rows[other], rows[i]
        if task.in_order:
            if batch < n:
                _weigh(rows, batch, weight)
            sorted_gradient(x, y, weight, task.loss, left, right, m, theta, kinks, slope, level, gradient)
            if noises[step] > 0:
                _mark_alive(left, right, x[1], x[-2], m, theta, work.alive)
        else:
            dense_gradient(task, widths, batch, n / batch, theta, work)
        for block in range(blocks):
            kind, first, last = kinds[block], starts[block], starts[block + 1]
            if kind == WEIGHTS and task.beta > 0:
                _penalise(theta, gradient, first, last, task.beta, task.exponent)
            if strengths[step] > 0 and task.regularised[kind]:
                if task.decoupled:
                    pull = -rates[step] * strengths[step]
                    _regularise(theta, theta, first, last, pull, task.power, task.one_sided)
                else:
                    _regularise(theta, gradient, first, last, strengths[step], task.power, task.one_sided)
        if task.optimiser == SGD:
            _sgd(theta, gradient, moments, starts[blocks], rates[step], task.momentum)
        else:
            _adam(theta, gradient, moments, starts[blocks], rates[step], step)
        if noises[step] > 0:
            _shake(task, noises[step], keys[1], drawn, widths, theta, work)
            drawn += np.uint64(starts[blocks])
        due = task.remove_every > 0 and (step + 1) % task.remove_every == 0
        if due and math.isfinite(_objective(task, widths, theta, work)):
            _remove(task, widths, units, theta, work)
            m = widths[1]


@njit(cache=True, nogil=True, error_model="numpy")
def train_networks(task: Task, networks: Networks, first: int, last: int, work: Work) -> None:
    """Train the networks `first` to `last` - 1 of a collection in place, each independently of all others."""
    for r in range(first, last):
        _train(
            task,
            networks.theta[r],
            networks.widths[r],
            networks.units[r],
            networks.keys[r],
            networks.objective[r],
            networks.counts[r],
            work,
        )
