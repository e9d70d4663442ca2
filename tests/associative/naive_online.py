"""The online rule step by step as published, all products recomputed, with the stream of random numbers of the kernel.

Without a grid it is plain float64; with one, push and pull are rounded to it, as in the kernel.
"""

from __future__ import annotations

import numpy as np

MASK = 2**64 - 1


def splitmix(key, counter):
    """Output number `counter` of SplitMix64 with seed `key`, in integers."""
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniform(key, counter):
    return ((splitmix(key, counter) >> 12) + 0.5) / 2**52


def splitmix_of_many(key, counters):
    """The same for an array of counters; arrays of uint64 wrap around."""
    z = np.array([key], dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15) * (counters.astype(np.uint64) + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def below(key, counter, n, probability, places=24):
    """Whether random numbers of n weights are below a probability: 64 weights share 24 words, one a binary place.

    A place of a number is 1 where the bit of its word is 0.
    """
    n_words = -(-n // 64)
    words = splitmix_of_many(key, counter + np.arange(places * n_words)).reshape(places, n_words, 1)
    digits = 1 - ((words >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).astype(int).reshape(places, -1)
    return ((2 ** np.arange(places)) @ digits < round(probability * 2**places))[:n]


def learn(
    inputs, side, required, signs, weights, key, n_steps, *, push, pull, gap, reactivation, tolerance=1e-3, grid=None
):
    """Weights and records (violated, in the gap, mean |J|, zeros) after each step, first those at the start."""
    key, J = int(key), weights.copy()
    m, n = inputs.shape
    trajectory, records = [J.copy()], []
    for step in range(n_steps):
        violated = np.flatnonzero(side * (inputs @ J) < required)
        size = np.abs(J)
        in_gap = (size > 0) & (size < gap)
        if not (violated.size or (signs * J < 0).any() or in_gap.any() or abs(size.mean() - 1) > tolerance):
            break
        numbers = step * (1 + n + 24 * -(-n // 64))
        if violated.size:
            mu = violated[int(uniform(key, numbers) * violated.size)]
            J = J + push * side[mu] * inputs[mu]
            J[signs * J < 0] = 0
        amount = pull * (np.abs(J).mean() - 1)
        if grid is not None:
            amount = grid * np.round(amount / grid)
        J = np.where((J != 0) & (np.abs(J) != gap), J - amount * np.sign(J), J)
        J[signs * J < 0] = 0
        caught = np.flatnonzero((J != 0) & (np.abs(J) < gap))
        kept = below(key, numbers + 1 + n, n, 2 * reactivation)
        for j in caught:
            side_of_gap = 1 if uniform(key, numbers + 1 + int(j)) < 0.5 else -1
            J[j] = gap * side_of_gap * kept[j]
        trajectory.append(J.copy())
        errors = np.count_nonzero(side * (inputs @ J) < required)
        records.append((errors / m, caught.size / n, np.abs(J).mean(), np.mean(J == 0)))
    return np.array(trajectory), np.array(records).reshape(-1, 4)
