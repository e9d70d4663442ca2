"""The online sparse learning rule: a perceptron step, an l1 step and a gap step, until all associations are stored.

The rule of arXiv:2409.04946, Supplementary Equation 47. A step of it written as published recomputes all N m products
of inputs and weights. Here the fields ``X J`` are kept up to date instead. The push of the perceptron step and the pull
of the l1 step move many weights by one and the same amount, so that their effect on a field is this amount times a
number of inputs, which is counted in words of 64 inputs. The few weights that move otherwise, because the gap step or a
sign constraint caught them, are added one by one.

Weights, pushes and pulls are multiples of `grid`, a power of two that is so small that the rounding does not matter and
so large that all sums are exact in float64. So the fields never drift, and the order of summation does not show.

Random numbers come from SplitMix64 (Steele, Lea and Flood 2014), read at a counter; each step owns a range of them. The
first chooses an association, the next N throw weights to an end of the gap, and the others choose the weights that
would leave the gap for an end of it, 24 words for 64 weights. So a run depends on its key only, and not on what is
evaluated when, or by which thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

RECORDED = 5  # numbers that are recorded a step
PRECISION = 24  # binary places of the probability with which weights leave the gap

_NONE, _ONE, _TWO, _FOUR, _LAST_BYTE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
_PAIRS, _NIBBLES, _BYTES, _SUM = (
    np.uint64(0x5555555555555555),
    np.uint64(0x3333333333333333),
    np.uint64(0x0F0F0F0F0F0F0F0F),
    np.uint64(0x0101010101010101),
)
_WEYL = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3, _TO_MANTISSA = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


class Rule(NamedTuple):
    """The constants of the rule, in units of the wanted mean absolute weight.

    Attributes
    ----------
    push : float
        beta_mu, by which the perceptron step moves the weights of active inputs; a multiple of `grid`.
    pull : float
        beta_w, the rate of the l1 step.
    gap : float
        delta, the smallest absolute value of a nonzero weight; a multiple of `grid`.
    reactivation : float
        1 - p_delta: the probability with which the gap step throws a weight that it finds in the gap to the end
        with its sign, and also that for the other end. Otherwise it becomes zero. In multiples of 2^-25.
    tolerance : float
        The mean absolute weight may differ from 1 by this much.
    grid : float
        A power of two.
    """

    push: float
    pull: float
    gap: float
    reactivation: float
    tolerance: float
    grid: float


class State(NamedTuple):
    """The weights with their fields, and sets of weights, a bit each.

    Attributes
    ----------
    weights, moved : (N,) arrays
        J, and J after the perceptron step.
    fields : (m,) array
        X J.
    pushed, pulled : (m,) arrays
        How many weights of active inputs are pushed, and pulled up less those pulled down.
    never_up, never_down : words
        Weights that must not be positive, or negative.
    live, parked : words
        Nonzero weights; those of them that are at an end of the gap, with their sign.
    pattern : words
        Active inputs of the chosen association; those with nonzero weights when the fields are updated.
    fresh, moving : words
        Zero weights that are pushed; nonzero weights that are not both parked and not pushed.
    up, down : words
        Weights that the l1 step moves.
    kept : words
        Weights that would be thrown to an end of the gap, if they were in it.
    """

    weights: Floats
    fields: Floats
    moved: Floats
    pushed: NDArray[np.int64]
    pulled: NDArray[np.int64]
    never_up: Words
    never_down: Words
    live: Words
    parked: Words
    pattern: Words
    fresh: Words
    moving: Words
    up: Words
    down: Words
    kept: Words


def pack(inputs: NDArray[np.bool_]) -> Words:
    """Bits of 64 inputs a word: (m, N) to (ceil(N / 64), m); bit b of word w is input 64 w + b."""
    m, n = inputs.shape
    padded = np.zeros((m, -(-n // 64) * 64), dtype=np.bool_)
    padded[:, :n] = inputs
    words = np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)
    return np.ascontiguousarray(words.T)


@njit(cache=True, nogil=True)
def random_word(key: np.uint64, counter: int) -> np.uint64:
    """Number `counter` of the stream `key`."""
    z = key + _WEYL * np.uint64(counter + 1)
    z = (z ^ (z >> _SHIFT_1)) * _MIX_1
    z = (z ^ (z >> _SHIFT_2)) * _MIX_2
    return z ^ (z >> _SHIFT_3)


@njit(cache=True, nogil=True)
def _uniform(key: np.uint64, counter: int) -> float:
    """The same as a number in [0, 1)."""
    return float(random_word(key, counter) >> _TO_MANTISSA) * 2.0**-53


@njit(cache=True, nogil=True)
def count_ones(word: np.uint64) -> np.uint64:
    """The number of set bits; compilers know this form, and replace it by an instruction."""
    word -= (word >> _ONE) & _PAIRS
    word = (word & _NIBBLES) + ((word >> _TWO) & _NIBBLES)
    word = (word + (word >> _FOUR)) & _BYTES
    return (word * _SUM) >> _LAST_BYTE


@njit(cache=True, nogil=True)
def _bit(j: int) -> np.uint64:
    return _ONE << np.uint64(j & 63)


@njit(cache=True, nogil=True)
def _flag(condition: bool, j: int) -> np.uint64:
    return np.uint64(condition) << np.uint64(j & 63)


@njit(cache=True, nogil=True)
def _has(word: np.uint64, j: int) -> float:
    """1 if the bit of weight j is set, else 0; without a branch, which would be guessed wrong half of the time."""
    return float((word >> np.uint64(j & 63)) & _ONE)


@njit(cache=True, nogil=True)
def _lowest(word: np.uint64) -> int:
    """The place of the lowest set bit."""
    return int(count_ones((word & (~word + _ONE)) - _ONE))


@njit(cache=True, nogil=True)
def _mask(chosen: NDArray[np.bool_]) -> Words:
    """A bit a weight."""
    mask = np.zeros((chosen.size + 63) >> 6, dtype=np.uint64)
    for j in range(chosen.size):
        if chosen[j]:
            mask[j >> 6] |= _bit(j)
    return mask


@njit(cache=True, nogil=True)
def _choose(key: np.uint64, counter: int, reactivation: float, chosen: Words) -> None:
    """Set each bit with probability 2 `reactivation`, in multiples of 2^-24.

    A bit is set if a random number is below it, whose binary places are bits of 24 words. The last place comes first,
    and the first has the final say.
    """
    chances = min(int(np.round(2 * reactivation * 2**PRECISION)), 2**PRECISION - 1)
    chosen[:] = 0
    for place in range(PRECISION):
        first = counter + place * chosen.size
        if (chances >> place) & 1:
            for w in range(chosen.size):
                chosen[w] |= random_word(key, first + w)
        else:
            for w in range(chosen.size):
                chosen[w] &= random_word(key, first + w)


@njit(cache=True, nogil=True)
def _thrown(key: np.uint64, counter: int, value: float, gap: float) -> float:
    """One of the ends of the gap."""
    end = gap if value > 0 else -gap
    return end if _uniform(key, counter) < 0.5 else -end


@njit(cache=True, nogil=True)
def _fields(words: Words, weights: Floats) -> Floats:
    """X J from scratch."""
    fields = np.zeros(words.shape[1])
    for j in range(weights.size):
        _add_column(fields, words[j >> 6], _bit(j), weights[j])
    return fields


@njit(cache=True, nogil=True)
def _add_column(fields: Floats, row: Words, bit: np.uint64, amount: float) -> None:
    """One weight changes by an amount."""
    for mu in range(fields.size):
        if row[mu] & bit:
            fields[mu] += amount


@njit(cache=True, nogil=True)
def _add_counted(state: State, words: Words, push: float, pull: float) -> None:
    """The nonzero weights in `pattern` grow by `push`, those in `up` by `pull`; those in `down` shrink by it."""
    fields, pushed, pulled = state.fields, state.pushed, state.pulled
    pattern, up, down = state.pattern, state.up, state.down
    pushed[:] = 0
    pulled[:] = 0
    for w in range(words.shape[0]):
        row, a, b, c = words[w], pattern[w], up[w], down[w]
        for mu in range(fields.size):
            pushed[mu] += np.int64(count_ones(row[mu] & a))
            pulled[mu] += np.int64(count_ones(row[mu] & b)) - np.int64(count_ones(row[mu] & c))
    for mu in range(fields.size):
        fields[mu] += push * pushed[mu] + pull * pulled[mu]


@njit(cache=True, nogil=True)
def _find_violated(fields: Floats, side: Floats, required: Floats, found: NDArray[np.int64]) -> int:
    """The violated associations, ascending, into the head of `found`; how many."""
    count = 0
    for mu in range(fields.size):
        found[count] = mu
        count += side[mu] * fields[mu] < required[mu]
    return count


@njit(cache=True, nogil=True)
def _is_admissible(weights: Floats, signs: Floats, gap: float, tolerance: float) -> bool:
    """Whether all weights have their sign and are not in the gap, and their mean absolute value is 1."""
    total = 0.0
    for j in range(weights.size):
        size = abs(weights[j])
        if signs[j] * weights[j] < 0 or 0 < size < gap:
            return False
        total += size
    return abs(total / weights.size - 1) <= tolerance


@njit(cache=True, nogil=True)
def _start(words: Words, signs: Floats, rule: Rule, weights: Floats) -> State:
    parked = (weights != 0) & (np.abs(weights) == rule.gap) & (signs * weights >= 0)
    pattern, fresh, moving, up, down, kept = np.zeros((6, words.shape[0]), dtype=np.uint64)
    return State(
        weights,
        _fields(words, weights),
        np.empty(weights.size),
        np.empty(words.shape[1], dtype=np.int64),
        np.empty(words.shape[1], dtype=np.int64),
        _mask(signs < 0),
        _mask(signs > 0),
        _mask(weights != 0),
        _mask(parked),
        pattern,
        fresh,
        moving,
        up,
        down,
        kept,
    )


# Inlined, like the two below: to pass the state by value would take a fifth of a step at N = 200.
@njit(cache=True, nogil=True, inline="always")
def _push(state: State, signs: Floats, rule: Rule, push: float) -> float:
    """The perceptron step, into `moved`, `fresh` and `moving`; the sum of all |J| after it."""
    never = state.never_up if push > 0 else state.never_down
    weights, moved, fresh, moving = state.weights, state.moved, state.fresh, state.moving
    live, parked, pattern = state.live, state.parked, state.pattern
    n_fresh = n_resting = 0
    total = 0.0
    for w in range(live.size):
        fresh[w] = pattern[w] & ~live[w] & ~never[w]
        resting = parked[w] & ~pattern[w]
        moving[w] = live[w] & ~resting
        n_fresh += int(count_ones(fresh[w]))
        n_resting += int(count_ones(resting))
        left = moving[w]
        while left:
            j = 64 * w + _lowest(left)
            left &= left - _ONE
            value = weights[j] + push * _has(pattern[w], j)
            if push != 0 and signs[j] * value < 0:
                value = 0.0
            moved[j] = value
            total += abs(value)
    return total + rule.push * n_fresh + rule.gap * n_resting


@njit(cache=True, nogil=True, inline="always")
def _pull(
    state: State, words: Words, signs: Floats, rule: Rule, push: float, pull: float, key: np.uint64, counter: int
) -> int:
    """The l1 step and the gap step for the nonzero weights; how many were in the gap.

    `expected` is where push and pull lead a weight. This much of its way reaches the fields with that of all others.
    """
    weights, moved, fields, moving, kept = state.weights, state.moved, state.fields, state.moving, state.kept
    live, parked, pattern, up, down = state.live, state.parked, state.pattern, state.up, state.down
    n_in_gap = 0
    for w in range(live.size):
        row, left = words[w], moving[w]
        pattern[w] &= live[w]
        live[w] ^= left
        parked[w] &= ~left
        up[w] = down[w] = _NONE
        while left:
            j = 64 * w + _lowest(left)
            left &= left - _ONE
            value = moved[j]
            rises, falls = (value < 0) & (value != -rule.gap), (value > 0) & (value != rule.gap)
            up[w] |= _flag(rises, j)
            down[w] |= _flag(falls, j)
            pulled = -pull if falls else pull if rises else 0.0
            expected = weights[j] + push * _has(pattern[w], j) + pulled
            value += pulled
            if signs[j] * value < 0:
                value = 0.0
            if 0 < abs(value) < rule.gap:
                n_in_gap += 1
                value = _thrown(key, counter + j, value, rule.gap) if kept[w] & _bit(j) else 0.0
            weights[j] = value
            live[w] |= _flag(value != 0, j)
            parked[w] |= _flag((value != 0) & (abs(value) == rule.gap) & (signs[j] * value >= 0), j)
            if value != expected:
                _add_column(fields, row, _bit(j), value - expected)
    _add_counted(state, words, push, pull)
    return n_in_gap


@njit(cache=True, nogil=True, inline="always")
def _pull_from_zero(
    state: State, words: Words, signs: Floats, rule: Rule, push: float, pull: float, key: np.uint64, counter: int
) -> int:
    """The same for the weights that the push took from zero. Most return to it, and their fields have never left."""
    value = push
    if abs(push) != rule.gap:
        value -= pull if push > 0 else -pull
    never = state.never_up if value > 0 else state.never_down
    weights, fields, fresh, kept = state.weights, state.fields, state.fresh, state.kept
    live, parked = state.live, state.parked
    n_in_gap = 0
    for w in range(live.size):
        left = fresh[w] & ~never[w]
        if value == 0:
            left = _NONE
        if abs(value) < rule.gap:
            n_in_gap += int(count_ones(left))
            left &= kept[w]
        while left:
            j = 64 * w + _lowest(left)
            left &= left - _ONE
            end = value if abs(value) >= rule.gap else _thrown(key, counter + j, value, rule.gap)
            weights[j] = end
            live[w] |= _bit(j)
            parked[w] |= _flag((abs(end) == rule.gap) & (signs[j] * end >= 0), j)
            _add_column(fields, words[w], _bit(j), end)
    return n_in_gap


@njit(cache=True, nogil=True)
def run(
    words: Words,
    side: Floats,
    required: Floats,
    key: np.uint64,
    weights: Floats,
    pushes: NDArray[np.int64],
    history: Floats,
    signs: Floats,
    rule: Rule,
    n_steps: int,
    every: int,
) -> int:
    """Learn one set of associations.

    Parameters
    ----------
    words : (ceil(N / 64), m) uint64 array
        The inputs, from `pack`.
    side : (m,) float64 array
        +1 where the neuron should fire, else -1.
    required : (m,) float64 array
        Association mu is stored if side[mu] * (X J)[mu] >= required[mu].
    key : uint64
        Of the random numbers.
    weights : (N,) float64 array
        Where to start, in multiples of the grid; overwritten.
    pushes : (m,) int64 array
        How often each association was chosen is added.
    history : (rows, 5) float64 array
        Rows to fill, after every `every`-th step: the step, the fraction of violated associations, the fraction of the
        weights that the gap step found in the gap, the mean absolute weight, the fraction of zero weights.
    signs : (N,) float64 array
        +1 or -1 where a weight must have this sign or be zero; 0 leaves it free.
    rule : Rule
    n_steps : int
        The largest number of steps.
    every : int
        At least 1.

    Returns
    -------
    int
        The number of steps made; less than `n_steps` only if all conditions hold.
    """
    n, n_words = weights.size, words.shape[0]
    state = _start(words, signs, rule, weights)
    violated = np.empty(side.size + 1, dtype=np.int64)
    for step in range(n_steps):
        n_violated = _find_violated(state.fields, side, required, violated)
        if n_violated == 0 and _is_admissible(weights, signs, rule.gap, rule.tolerance):
            return step
        counter = step * (1 + n + PRECISION * n_words)
        _choose(key, counter + 1 + n, rule.reactivation, state.kept)
        push = 0.0
        state.pattern[:] = 0
        if n_violated > 0:
            chosen = violated[int(_uniform(key, counter) * n_violated)]
            pushes[chosen] += 1
            push = rule.push * side[chosen]
            for w in range(n_words):
                state.pattern[w] = words[w, chosen]
        excess = _push(state, signs, rule, push) / n - 1
        pull = rule.grid * np.round(rule.pull * excess / rule.grid)
        n_in_gap = _pull(state, words, signs, rule, push, pull, key, counter + 1)
        n_in_gap += _pull_from_zero(state, words, signs, rule, push, pull, key, counter + 1)
        if (step + 1) % every == 0 and (step + 1) // every <= history.shape[0]:
            row = history[(step + 1) // every - 1]
            row[0] = step + 1
            row[1] = _find_violated(state.fields, side, required, violated) / side.size
            row[2] = n_in_gap / n
            row[3] = np.abs(weights).sum() / n
            row[4] = (weights == 0).sum() / n
    return n_steps


@njit(cache=True, nogil=True, parallel=True)
def run_all(
    words: Words,
    side: Floats,
    required: Floats,
    keys: Words,
    weights: Floats,
    pushes: NDArray[np.int64],
    history: Floats,
    signs: Floats,
    rule: Rule,
    n_steps: int,
    every: int,
) -> NDArray[np.int64]:
    """`run` for independent runs, in parallel: all arrays but `signs` have an axis of runs before the others."""
    steps = np.empty(keys.size, dtype=np.int64)
    for r in prange(keys.size):
        steps[r] = run(
            words[r], side[r], required[r], keys[r], weights[r], pushes[r], history[r], signs, rule, n_steps, every
        )
    return steps
