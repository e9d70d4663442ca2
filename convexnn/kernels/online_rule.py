"""The online sparse learning rule: a perceptron step, an l1 step and a gap step, until all associations are stored.

The rule of arXiv:2409.04946, Supplementary Equation 47. A step of it written as published recomputes all N m products
of inputs and weights. Here the fields ``X J`` are kept up to date instead. The push of the perceptron step and the pull
of the l1 step move many weights by one and the same amount, so that their effect on a field is this amount times a
number of inputs, which is counted in words of 64 inputs. The few weights that move otherwise, because the gap step or a
sign constraint caught them, are added one by one.

Weights, pushes and pulls are integers: multiples of `grid`, a power of two that is so small that the rounding does not
matter and so large that all sums are exact in float64 too. So the fields never drift, the order of summation does not
show, and compilers may sum eight numbers at a time.

Random numbers are those of `convexnn.kernels.random`, read at a counter; each step owns a range of them. The first
chooses an association, the next N throw weights to an end of the gap, and the others choose the weights that would
leave the gap for an end of it, 24 words for 64 weights. So a run depends on its key only, and not on what is evaluated
when, or by which thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from convexnn.kernels.random import random_bits, uniform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

RECORDED = 5  # numbers that are recorded a step
PRECISION = 24  # binary places of the probability with which weights leave the gap

FAR = 2**62  # beyond all weights and fields
_PLACES = np.uint64(
    64
)  # unsigned, like all that is counted up to it, so that indexing need not look for negative numbers
_NONE, _ONE, _TWO, _FOUR, _LAST_BYTE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
_PAIRS, _NIBBLES, _BYTES, _SUM = (
    np.uint64(0x5555555555555555),
    np.uint64(0x3333333333333333),
    np.uint64(0x0F0F0F0F0F0F0F0F),
    np.uint64(0x0101010101010101),
)


class Rule(NamedTuple):
    """The constants of the rule. The wanted mean absolute weight is ``1 / grid``.

    Attributes
    ----------
    push : int
        beta_mu, by which the perceptron step moves the weights of active inputs.
    pull : float
        beta_w, the rate of the l1 step.
    gap : int
        delta, the smallest absolute value of a nonzero weight.
    reactivation : float
        1 - p_delta: the probability with which the gap step throws a weight that it finds in the gap to the end
        with its sign, and also that for the other end. Otherwise it becomes zero. In multiples of 2^-25.
    tolerance : float
        The mean absolute weight may differ from the wanted one by this share of it.
    grid : float
        The unit of weights, pushes and gap: a power of two.
    """

    push: int
    pull: float
    gap: int
    reactivation: float
    tolerance: float
    grid: float


class State(NamedTuple):
    """The weights with their fields, and sets of weights, a bit each. All are padded to whole words of 64 weights.

    Attributes
    ----------
    weights, next : int64 arrays
        J, and J on its way to the end of the step.
    lowest, highest : int64 arrays
        Between what the signs keep a weight.
    fields : (m,) int64 array
        X J.
    pushed, pulled : (m,) int64 arrays
        How many weights of active inputs are pushed, and pulled up less those pulled down.
    pattern : words
        Active inputs of the chosen association.
    along, up, down : words
        Weights that end a step where push and pull led them: those pushed, pulled up and pulled down.
    aside : words
        Weights that changed otherwise.
    caught : words
        Weights that the gap step found in the gap.
    """

    weights: Ints
    next: Ints
    lowest: Ints
    highest: Ints
    fields: Ints
    pushed: Ints
    pulled: Ints
    pattern: Words
    along: Words
    up: Words
    down: Words
    aside: Words
    caught: Words


def pack(inputs: NDArray[np.bool_]) -> Words:
    """Bits of 64 inputs a word: (m, N) to (ceil(N / 64), m); bit b of word w is input 64 w + b."""
    m, n = inputs.shape
    padded = np.zeros((m, -(-n // 64) * 64), dtype=np.bool_)
    padded[:, :n] = inputs
    words = np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)
    return np.ascontiguousarray(words.T)


@njit(cache=True, nogil=True)
def count_ones(word: np.uint64) -> np.uint64:
    """The number of set bits; compilers know this form, and replace it by an instruction."""
    word -= (word >> _ONE) & _PAIRS
    word = (word & _NIBBLES) + ((word >> _TWO) & _NIBBLES)
    word = (word + (word >> _FOUR)) & _BYTES
    return (word * _SUM) >> _LAST_BYTE


@njit(cache=True, nogil=True)
def _lowest(word: np.uint64) -> int:
    """The place of the lowest set bit."""
    return int(count_ones((word & (~word + _ONE)) - _ONE))


@njit(cache=True, nogil=True)
def _choose(key: np.uint64, counter: int, stride: int, reactivation: float, among: np.uint64) -> np.uint64:
    """Some of the weights of a word, each with probability 2 `reactivation`, in multiples of 2^-24.

    A weight is chosen if a random number is below it, whose binary places are bits of 24 words, `stride` apart. The
    first place where the two differ decides, so that a few of the words do.
    """
    chances = min(int(np.round(2 * reactivation * 2**PRECISION)), 2**PRECISION - 1)
    chosen, place = _NONE, PRECISION
    while among and place > 0:
        place -= 1
        zeros = random_bits(key, np.uint64(counter + place * stride))
        if (chances >> place) & 1:
            chosen |= among & zeros
            among &= ~zeros
        else:
            among &= zeros
    return chosen


@njit(cache=True, nogil=True)
def _add_column(fields: Ints, row: Words, b: int, amount: int) -> None:
    """The weight of bit b changes by an amount."""
    bit = _ONE << np.uint64(b)
    for mu in range(fields.size):
        fields[mu] += amount if row[mu] & bit else 0


@njit(cache=True, nogil=True)
def _count_violated(fields: Ints, side: Ints, required: Ints) -> int:
    count = 0
    for mu in range(fields.size):
        count += side[mu] * fields[mu] < required[mu]
    return count


@njit(cache=True, nogil=True)
def _violated(fields: Ints, side: Ints, required: Ints, rank: int) -> int:
    """One of the violated associations, of which `rank` come before it."""
    mu = 0
    while True:
        rank -= side[mu] * fields[mu] < required[mu]
        if rank < 0:
            return mu
        mu += 1


@njit(cache=True, nogil=True)
def _is_admissible(state: State, rule: Rule, n: int) -> bool:
    """Whether all weights have their sign and are not in the gap, and their mean absolute value is as wanted."""
    total = amiss = 0
    for j in range(state.weights.size):
        value = state.weights[j]
        size = abs(value)
        total += size
        amiss += (value < state.lowest[j]) | (value > state.highest[j]) | ((size > 0) & (size < rule.gap))
    return amiss == 0 and abs(rule.grid * total / n - 1) <= rule.tolerance


@njit(cache=True, nogil=True)
def _start(words: Words, weights: Ints, signs: Ints) -> State:
    n_words, m = words.shape
    padded = np.zeros(64 * n_words, dtype=np.int64)
    padded[: weights.size] = weights
    lowest, highest = np.zeros_like(padded), np.zeros_like(padded)
    lowest[: weights.size] = np.where(signs > 0, 0, -FAR)
    highest[: weights.size] = np.where(signs < 0, 0, FAR)
    fields, none = np.zeros(m, dtype=np.int64), np.zeros(n_words, dtype=np.uint64)
    for j in range(weights.size):
        _add_column(fields, words[j >> 6], j & 63, weights[j])
    return State(
        weights=padded,
        next=padded.copy(),
        lowest=lowest,
        highest=highest,
        fields=fields,
        pushed=np.zeros_like(fields),
        pulled=np.zeros_like(fields),
        pattern=none,
        along=none.copy(),
        up=none.copy(),
        down=none.copy(),
        aside=none.copy(),
        caught=none.copy(),
    )


# Inlined, like the three below: to pass the state by value would take a good part of a step.
@njit(cache=True, nogil=True, inline="always")
def _push(state: State, push: int) -> int:
    """The perceptron step, into `next`; the sum of all |J| after it."""
    weights, moved, lowest, highest = state.weights, state.next, state.lowest, state.highest
    total = 0
    for w in range(state.pattern.size):
        active = state.pattern[w]
        for b in range(_PLACES):
            j = _PLACES * np.uint64(w) + b
            value = weights[j]
            if push != 0:
                value += push * np.int64((active >> b) & _ONE)
                value = min(max(value, lowest[j]), highest[j])
            moved[j] = value
            total += abs(value)
    return total


@njit(cache=True, nogil=True, inline="always")
def _pull(state: State, rule: Rule, push: int, pull: int) -> int:
    """The l1 step and the gap step, into `next`, with no weight thrown yet; how many were in the gap."""
    weights, moved, lowest, highest, gap = state.weights, state.next, state.lowest, state.highest, rule.gap
    n_caught = 0
    for w in range(state.pattern.size):
        active = state.pattern[w]
        below = above = free = counted = changed = caught = _NONE
        for b in range(_PLACES):
            j = _PLACES * np.uint64(w) + b
            old, value = weights[j], moved[j]
            pulled = 0 if abs(value) == gap or value == 0 else -pull if value > 0 else pull
            below |= np.uint64(value < 0) << b
            above |= np.uint64(value > 0) << b
            free |= np.uint64(abs(value) != gap) << b
            expected = old + pulled + (push if (active >> b) & _ONE else 0)
            value = min(max(value + pulled, lowest[j]), highest[j])
            inside = (value != 0) & (abs(value) < gap)
            caught |= np.uint64(inside) << b
            value = 0 if inside else value
            moved[j] = value
            counted |= np.uint64(value == expected) << b
            changed |= np.uint64(value != old) << b
        state.along[w], state.aside[w], state.caught[w] = active & counted, changed & ~counted, caught
        state.up[w], state.down[w] = below & free & counted, above & free & counted
        n_caught += int(count_ones(caught))
    return n_caught


@njit(cache=True, nogil=True, inline="always")
def _throw(state: State, rule: Rule, key: np.uint64, counter: int, n: int) -> None:
    """Throw some of the weights that were in the gap to its ends."""
    n_words = state.caught.size
    for w in range(n_words):
        chosen = _choose(key, counter + n + w, n_words, rule.reactivation, state.caught[w])
        state.along[w] &= ~chosen
        state.up[w] &= ~chosen
        state.down[w] &= ~chosen
        state.aside[w] |= chosen
        while chosen:
            b = _lowest(chosen)
            chosen &= chosen - _ONE
            state.next[64 * w + b] = rule.gap if uniform(key, np.uint64(counter + 64 * w + b)) < 0.5 else -rule.gap


@njit(cache=True, nogil=True, inline="always")
def _settle(state: State, words: Words, push: int, pull: int) -> None:
    """Let the weights and the fields follow."""
    weights, fields, pushed, pulled = state.weights, state.fields, state.pushed, state.pulled
    pushed[:] = 0
    pulled[:] = 0
    for w in range(words.shape[0]):
        row, along, aside, down = words[w], state.along[w], state.aside[w], state.down[w]
        either, n_down = state.up[w] | down, np.int64(count_ones(down))
        for mu in range(fields.size):
            pushed[mu] += np.int64(count_ones(row[mu] & along))
            # Active inputs pulled up and silent ones pulled down: n_down more than the active ones' difference.
            pulled[mu] += np.int64(count_ones((row[mu] ^ down) & either)) - n_down
        while aside:
            b = _lowest(aside)
            aside &= aside - _ONE
            _add_column(fields, row, b, state.next[64 * w + b] - weights[64 * w + b])
    for mu in range(fields.size):
        fields[mu] += push * pushed[mu] + pull * pulled[mu]
    for j in range(weights.size):
        weights[j] = state.next[j]


@njit(cache=True, nogil=True)
def run(
    words: Words,
    side: Ints,
    required: Ints,
    key: np.uint64,
    weights: Ints,
    pushes: Ints,
    history: Floats,
    signs: Ints,
    rule: Rule,
    n_steps: int,
    every: int,
) -> int:
    """Learn one set of associations.

    Parameters
    ----------
    words : (ceil(N / 64), m) uint64 array
        The inputs, from `pack`.
    side : (m,) int64 array
        +1 where the neuron should fire, else -1.
    required : (m,) int64 array
        Association mu is stored if side[mu] * (X J)[mu] >= required[mu].
    key : uint64
        Of the random numbers.
    weights : (N,) int64 array
        Where to start; overwritten.
    pushes : (m,) int64 array
        How often each association was chosen is added.
    history : (rows, 5) float64 array
        Rows to fill, after every `every`-th step: the step, the fraction of violated associations, the fraction of the
        weights that the gap step found in the gap, the mean absolute weight, the fraction of zero weights.
    signs : (N,) int64 array
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
    state = _start(words, weights, signs)
    steps = 0
    while steps < n_steps:
        n_violated = _count_violated(state.fields, side, required)
        if n_violated == 0 and _is_admissible(state, rule, n):
            break
        counter = steps * (1 + n + PRECISION * n_words)
        push = 0
        state.pattern[:] = 0
        if n_violated > 0:
            chosen = _violated(state.fields, side, required, int(uniform(key, np.uint64(counter)) * n_violated))
            pushes[chosen] += 1
            push = rule.push * side[chosen]
            for w in range(n_words):
                state.pattern[w] = words[w, chosen]
        excess = rule.grid * _push(state, push) / n - 1
        pull = int(np.round(rule.pull * excess / rule.grid))
        n_caught = _pull(state, rule, push, pull)
        _throw(state, rule, key, counter + 1, n)
        _settle(state, words, push, pull)
        steps += 1
        if steps % every == 0 and steps // every <= history.shape[0]:
            row = history[steps // every - 1]
            row[0] = steps
            row[1] = _count_violated(state.fields, side, required) / side.size
            row[2] = n_caught / n
            row[3] = rule.grid * np.abs(state.weights).sum() / n
            row[4] = (state.weights[:n] == 0).sum() / n
    weights[:] = state.weights[:n]
    return steps


@njit(cache=True, nogil=True, parallel=True)
def run_all(
    words: Words,
    side: Ints,
    required: Ints,
    keys: Words,
    weights: Ints,
    pushes: Ints,
    history: Floats,
    signs: Ints,
    rule: Rule,
    n_steps: int,
    every: int,
) -> Ints:
    """`run` for independent runs, in parallel: all arrays but `signs` have an axis of runs before the others."""
    steps = np.empty(keys.size, dtype=np.int64)
    for r in prange(keys.size):
        steps[r] = run(
            words[r], side[r], required[r], keys[r], weights[r], pushes[r], history[r], signs, rule, n_steps, every
        )
    return steps
