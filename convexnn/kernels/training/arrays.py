"""The arrays that the training kernel works on: what is trained, how, and the memory for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from convexnn.kernels.lanes import LANES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


class Task(NamedTuple):
    """What all networks of a call have in common.

    Attributes
    ----------
    x, y : (n, d) and (n, o) arrays
        Rows in ascending order of x where the networks have one input, one hidden layer and one output.
    loss : int
        `SQUARED`: half the squared residual. `LOGISTIC`: log(1 + exp(-y f)) for labels -1 and +1.
    slopes : (H, 2) array
        Of the activation below and above zero, for every hidden layer.
    diagonal, normalised : bool
        Whether hidden layers above the first have one weight a unit, and whether all have scales.
    in_order : bool
        Whether the gradient of one hidden layer over sorted inputs applies, whose penalty is quadratic.
    lockstep : bool
        Whether networks are trained side by side: in order, by the bare optimiser, without a regulariser, noise and
        removal, which the kernel does not look at then.
    adam : bool
        Otherwise the optimiser is gradient descent.
    momentum : float
    rates, strengths, noises : (T,) arrays
        Learning rate, strength of the regulariser and standard deviation of the noise in every step.
    beta : float
    exponent : int
        The penalty is beta / exponent times the sum of |weight|^exponent.
    regularised : (3,) array of bool
        Whether the regulariser applies to weights, biases, scales.
    power : int
        1: the sum of absolute values; 2: half the sum of squares.
    one_sided, decoupled : bool
        Whether only positive parameters are regularised; whether the optimiser is bypassed.
    noisy : int
        `ALL`, `LIVE` or `DEAD`: which units' parameters the noise moves.
    batch_size : int
    remove_every : int
        Dead units are removed after so many steps; 0 for never.
    record_at : (K,) array of int
        After how many steps the objective and the dead units are recorded; ascending, from 0 to T.
    """

    x: Floats
    y: Floats
    loss: int
    slopes: Floats
    diagonal: bool
    normalised: bool
    in_order: bool
    lockstep: bool
    adam: bool
    momentum: float
    rates: Floats
    strengths: Floats
    noises: Floats
    beta: float
    exponent: int
    regularised: Flags
    power: int
    one_sided: bool
    decoupled: bool
    noisy: int
    batch_size: int
    remove_every: int
    record_at: Ints


class Networks(NamedTuple):
    """The networks, trained in place.

    Attributes
    ----------
    theta : (r, P) array
        Parameters; after removals fewer than P count. Of a network that diverged, as they were when that was noticed.
    widths : (r, H + 2) array of int
        Inputs, units of the hidden layers, outputs.
    units : (r, H, w) array of int
        Which of the units at the start those are that are left.
    keys : (r, 2) array of uint64
        Of the random numbers for batches and for noise.
    objective : (r, K) array
        At the recorded steps; infinite from where a network diverged.
    counts : (r, K, H, 3) array of int
        Units that are alive, and how many died and how many revived since the last recorded step.
    dead : (r, H, w) array of bool
        Which of the units at the start were dead at the last recorded step.
    """

    theta: Floats
    widths: Ints
    units: Ints
    keys: Words
    objective: Floats
    counts: Ints
    dead: Flags


class Lockstep(NamedTuple):
    """Memory for eight networks side by side; numbers of the same kind stand next to each other, a lane each.

    Attributes
    ----------
    theta, first, second : (8 P,) arrays
        Parameters and the moments of the optimiser.
    places : (8 m,) array of uint64
        Where in `sums` the pair is of the first row beyond the kink of each unit.
    low, high : (8 m,) arrays
        The inputs on both sides of the kinks.
    sums : (16 (n + 1),) array
        Zero between steps. Of each row a pair a lane: what slope and level of the network change by at the kinks
        before it, and then the running sums of r and r x.
    weight : (8 n,) array
        Of the rows in the batches.
    rows : (8, n) array of int
        Permutations.
    values : (8 n,) array
        Of the networks at the rows, and then the derivatives of the losses in them.
    """

    theta: Floats
    first: Floats
    second: Floats
    places: Words
    low: Floats
    high: Floats
    sums: Floats
    weight: Floats
    rows: Ints
    values: Floats


class Work(NamedTuple):
    """Memory for one network at a time.

    Attributes
    ----------
    gradient : (P,) array
    moments : (2, P) array
        Of the optimiser; one by one, like the parameters.
    starts, kinds : (B + 1,) and (B,) arrays of int
        Where the blocks of parameters begin, and of which kind they are.
    kinks : (m,) array of uint64
    slope, level : (2 n + 2,) arrays
    fenced : (n + 2,) array
        What `sorted_gradient` needs: the places of the kinks, running sums, and the inputs between two infinities.
    weight : (n,) array
        Of the rows in the batch; ones for dense gradients, whose batches are the first of `rows`.
    rows : (n,) array of int
        A permutation.
    values, arguments, delta : (H + 1, w, n) arrays
        Of dense gradients, layer by layer and unit by unit: inputs of the layer, arguments of its activation, and the
        gradient in these.
    standard, deviation : (H, w, n) and (H, w) arrays
        Of normalised layers: standardised arguments and what they were divided by.
    alive, keep : (H, w) arrays of bool
        Units that are not zero on all rows; units that a removal leaves.
    lockstep : Lockstep
    """

    gradient: Floats
    moments: Floats
    starts: Ints
    kinds: Ints
    kinks: Words
    slope: Floats
    level: Floats
    fenced: Floats
    weight: Floats
    rows: Ints
    values: Floats
    arguments: Floats
    standard: Floats
    deviation: Floats
    delta: Floats
    alive: Flags
    keep: Flags
    lockstep: Lockstep


def _aligned(count: int) -> Floats:
    """Zeros that begin at a multiple of the size of eight numbers: a register is filled from one line of the cache."""
    spare = np.zeros(count + LANES)
    first = -spare.ctypes.data // spare.itemsize % LANES
    return spare[first : first + count]


def _side_by_side(n: int, m: int, size: int) -> Lockstep:
    """Memory for eight networks of m units and this many parameters, on n rows."""
    return Lockstep(
        theta=_aligned(LANES * size),
        first=_aligned(LANES * size),
        second=_aligned(LANES * size),
        places=_aligned(LANES * m).view(np.uint64),
        low=_aligned(LANES * m),
        high=_aligned(LANES * m),
        sums=_aligned(2 * LANES * (n + 1)),
        weight=_aligned(LANES * n),
        rows=np.zeros((LANES, n), np.int64),
        values=_aligned(LANES * n),
    )


def workspace(task: Task, widths: Ints, size: int) -> Work:
    """Memory to train networks of these widths and this many parameters with, one after the other."""
    n, hidden, widest = task.y.shape[0], widths.size - 2, widths.max()
    rows = 0 if task.in_order else n
    scaled = hidden if task.normalised else 0
    blocks = 2 * hidden + 2 + scaled
    return Work(
        gradient=np.zeros(size),
        moments=np.zeros((2, size)),
        starts=np.zeros(blocks + 1, np.int64),
        kinds=np.zeros(blocks, np.int64),
        kinks=np.zeros(widths[1], np.uint64),
        slope=np.zeros(2 * n + 2),
        level=np.zeros(2 * n + 2),
        fenced=np.concatenate(([-np.inf], task.x[:, 0], [np.inf])),
        weight=np.ones(n),
        rows=np.arange(n),
        values=np.zeros((hidden + 1, widest, rows)),
        arguments=np.zeros((hidden + 1, widest, rows)),
        standard=np.zeros((scaled, widest, rows)),
        deviation=np.zeros((hidden, widest)),
        delta=np.zeros((hidden + 1, widest, rows)),
        alive=np.zeros((hidden, widest), np.bool_),
        keep=np.zeros((hidden, widest), np.bool_),
        lockstep=_side_by_side(n, widths[1], size) if task.lockstep else _side_by_side(0, 0, 0),
    )
