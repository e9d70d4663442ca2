"""Time of a training step, against batched torch on one thread: ``python -m benchmarks.training``.

Every contender trains the same networks from the same start by the same full-batch steps, and must arrive where the
others do. The peers are torch in float64 and float32: gradients written by hand into buffers made beforehand,
automatic gradients of one batched loss, and ``vmap`` of the gradient of a single network. Eight networks in lockstep
are also compared with one by one, and with the dense gradient of the same kernel. ``--rows`` compares these two alone,
over numbers of rows, to show where lockstep pays. ``--gaps`` trains to the end instead, and certifies.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numba
import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from convexnn import training
from convexnn.kernels.training.updates import EPSILON
from convexnn.training.descent import descend, make_task

SIZES = ((64, 64), (64, 256), (100, 128))
BETA, RATES = 0.01, {"sgd": 5e-4, "adam": 1e-3}
LARGEST_DIFFERENCE = {"float64": 1e-10, "float32": 1e-2}  # of parameters of order one, after all steps
WANTED = 25.0

GRADIENTS = {
    "in lockstep": {"in_order": True, "lockstep": True},
    "one by one": {"in_order": True, "lockstep": False},
    "dense": {"in_order": False, "lockstep": False},
}

Floats = np.ndarray
Run = Callable[[int], Floats]


def main(
    networks: int = 64,
    steps: int = 300,
    repeats: int = 5,
    rows: bool = False,
    gaps: bool = False,
    seeds: int = 50,
    seed: int = 0,
) -> None:
    """Print a table; exit 1 if contenders disagree, or if a gap is negative or too large."""
    if rows:
        fine = over_rows(repeats, seed)
    else:
        fine = certified(seeds, seed) if gaps else compared(networks, steps, repeats, seed)
    sys.exit(not fine)


def compared(networks: int, steps: int, repeats: int, seed: int) -> bool:
    """Microseconds of one step of one network, medians over repeats that take turns."""
    import torch

    torch.set_num_threads(1)
    numba.set_num_threads(1)
    fine = True
    for n, width in SIZES:
        title = f"us a step of one network; n = {n}, width = {width}; {networks} networks, 1 thread each"
        table = Table(box=box.SIMPLE, title=title)
        for heading in ("optimiser", "contender", "precision", "median", "min", "/ ours"):
            table.add_column(heading, justify="right" if heading in ("median", "min", "/ ours") else "left")
        x, y, start = problem(n, width, networks, seed)
        for optimizer, rate in RATES.items():
            contenders = {
                (f"{name}, ours", "float64"): ours(x, y, start, optimizer, rate, **flags)
                for name, flags in GRADIENTS.items()
            }
            for kind in (torch.float64, torch.float32):
                for name, gradient in PEERS.items():
                    peer = torch_run(gradient, kind, x, y, start, optimizer, rate)
                    contenders[name, str(kind).removeprefix("torch.")] = peer
            fine &= agree(contenders, steps)
            times = take_turns(contenders, steps, repeats)
            scale = 1e6 / (steps * networks)
            reference = statistics.median(times["in lockstep, ours", "float64"])
            for (name, precision), seconds in times.items():
                middle = statistics.median(seconds)
                row = (f"{middle * scale:.3f}", f"{min(seconds) * scale:.3f}", f"{middle / reference:.1f}")
                table.add_row(optimizer, name, precision, *row)
            for precision in ("float64", "float32"):
                best = min(statistics.median(times[name, precision]) for name in PEERS) / reference
                table.add_row(optimizer, f"best of torch / ours; wanted {WANTED:g}", precision, "", "", f"{best:.1f}")
            table.add_section()
        Console(width=120).print(table)
    return fine


def over_rows(repeats: int, seed: int, width: int = 64) -> bool:
    """Eight networks in lockstep and one by one; how many one by one take as long as the eight."""
    numba.set_num_threads(1)
    table = Table(box=box.SIMPLE, title=f"us a step of one network; width = {width}, 8 networks, 1 thread")
    for heading in ("n", "optimiser", "in lockstep", "one by one", "ratio", "as long as"):
        table.add_column(heading, justify="left" if heading == "optimiser" else "right")
    fine = True
    for n in (64, 1000, 10_000, 30_000, 100_000, 300_000):
        x, y, start = problem(n, width, 8, seed)
        steps = max(10, 1_000_000 // n)
        for optimizer, rate in RATES.items():
            contenders = {
                (name, "float64"): ours(x, y, start, optimizer, rate / n, **GRADIENTS[name])
                for name in ("in lockstep", "one by one")
            }
            fine &= agree(contenders, steps)
            side, alone = (statistics.median(times) for times in take_turns(contenders, steps, repeats).values())
            scale = 1e6 / (8 * steps)
            row = (f"{side * scale:.2f}", f"{alone * scale:.2f}", f"{alone / side:.2f}", f"{8 * side / alone:.1f}")
            table.add_row(f"{n:,}", optimizer, *row)
    Console(width=120).print(table)
    return fine


def problem(n: int, width: int, networks: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """A noisy sine at sorted inputs, and rows of w, b, a and the intercept."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-1, 1, n))
    y = np.sin(4 * x) + 0.1 * rng.normal(size=n)
    w = rng.normal(size=(networks, width))
    b = -w * rng.uniform(-1, 1, (networks, width))
    a = rng.normal(size=(networks, width)) / np.sqrt(width)
    return x, y, np.concatenate((w, b, a, np.zeros((networks, 1))), axis=1)


def ours(x: Floats, y: Floats, start: Floats, optimizer: str, rate: float, *, in_order: bool, lockstep: bool) -> Run:
    """The kernel of this library, with the gradient over sorted inputs, in lockstep or not, or the dense one."""
    width, seeds = start.shape[1] // 3, range(len(start))

    def run(steps: int) -> Floats:
        task = make_task(
            x[:, None],
            y[:, None],
            slopes=np.array([(0.0, 1.0)]),
            diagonal=False,
            normalised=False,
            beta=BETA,
            exponent=2,
            loss="squared",
            optimizer=optimizer,
            learning_rate=rate,
            n_steps=steps,
            batch_size=None,
            momentum=0.0,
            noise=None,
            regularisation=None,
            removal=None,
            record_every=steps,
        )
        return descend(task._replace(in_order=in_order, lockstep=lockstep), (1, width, 1), start.copy(), seeds)[0].theta

    return run


def by_hand(x, y, theta, gradient):  # type: ignore[no-untyped-def]
    """A function that writes all gradients into `gradient`, every product into memory reserved here."""
    import torch

    (networks, size), n = theta.shape, x.numel()
    m = size // 3
    w, b, a, c = theta[:, :m], theta[:, m : 2 * m], theta[:, 2 * m : -1], theta[:, -1:]
    dw, db, da, dc = gradient[:, :m], gradient[:, m : 2 * m], gradient[:, 2 * m : -1], gradient[:, -1:]
    new = theta.new_empty
    lines, h, f = new(networks, m, 2), new(networks, m, n), new(networks, 1, n)
    moments, sums, products = new(networks, n, 2), new(networks, m, 2), new(networks, m, 1)
    points = torch.stack((x, torch.ones_like(x)))

    def step() -> None:
        lines[:, :, 0], lines[:, :, 1] = w, b
        torch.matmul(lines, points, out=h).clamp_min_(0)
        torch.bmm(a.unsqueeze(1), h, out=f).add_(c.unsqueeze(1)).sub_(y)
        r = f.squeeze(1)
        torch.mul(r, x, out=moments[:, :, 0])
        moments[:, :, 1] = r
        torch.bmm(h, f.transpose(1, 2), out=products)
        torch.bmm(h.sign_(), moments, out=sums)
        torch.mul(sums[:, :, 0], a, out=dw).add_(w, alpha=BETA)
        torch.mul(sums[:, :, 1], a, out=db)
        torch.add(products.squeeze(2), a, alpha=BETA, out=da)
        torch.sum(r, 1, keepdim=True, out=dc)

    return step


def objective(theta, x, y):  # type: ignore[no-untyped-def]
    """Of one network or a batch of them, summed."""
    import torch

    m = theta.shape[-1] // 3
    w, b, a, c = theta[..., :m], theta[..., m : 2 * m], theta[..., 2 * m : -1], theta[..., -1:]
    h = torch.relu(w.unsqueeze(-1) * x + b.unsqueeze(-1))
    f = (a.unsqueeze(-2) @ h).squeeze(-2) + c
    return 0.5 * ((f - y) ** 2).sum() + BETA / 2 * ((w**2).sum() + (a**2).sum())


def by_autograd(x, y, theta, gradient):  # type: ignore[no-untyped-def]
    """Automatic gradient of the sum of all objectives."""
    import torch

    def step() -> None:
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            gradient.copy_(torch.autograd.grad(objective(leaf, x, y), leaf)[0])

    return step


def by_vmap(x, y, theta, gradient):  # type: ignore[no-untyped-def]
    """The gradient of one network, mapped over the networks."""
    import torch

    batched = torch.func.vmap(torch.func.grad(objective), in_dims=(0, None, None))

    def step() -> None:
        gradient.copy_(batched(theta, x, y))

    return step


PEERS = {"torch by hand": by_hand, "torch autograd": by_autograd, "torch vmap": by_vmap}


def torch_run(gradients, kind, x: Floats, y: Floats, start: Floats, optimizer: str, rate: float) -> Run:  # type: ignore[no-untyped-def]
    """Fused elementwise updates of all networks' parameters at once, on gradients from one of the peers."""
    import torch

    points, targets = torch.tensor(x, dtype=kind), torch.tensor(y, dtype=kind)

    @torch.no_grad()
    def run(steps: int) -> Floats:
        theta = torch.tensor(start, dtype=kind)
        gradient, mean, square, root = (torch.zeros_like(theta) for _ in range(4))
        step = gradients(points, targets, theta, gradient)
        for t in range(1, steps + 1):
            step()
            if optimizer == "sgd":
                theta.add_(gradient, alpha=-rate)
                continue
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            torch.sqrt(square, out=root).div_((1 - 0.999**t) ** 0.5).add_(EPSILON)
            theta.addcdiv_(mean, root, value=-rate / (1 - 0.9**t))
        return theta.double().numpy()

    return run


def agree(contenders: dict[tuple[str, str], Run], steps: int) -> bool:
    """Whether all arrive at the same parameters; this also compiles and warms everything up."""
    ends = {who: run(steps) for who, run in contenders.items()}
    first = next(iter(ends.values()))
    fine = True
    for (name, precision), end in ends.items():
        difference = np.abs(end - first).max()
        if not difference <= LARGEST_DIFFERENCE[precision]:
            print(f"{name} ({precision}) ends {difference:.1e} away", file=sys.stderr)
            fine = False
    return fine


def take_turns(contenders: dict[tuple[str, str], Run], steps: int, repeats: int) -> dict[tuple[str, str], list[float]]:
    """Processor seconds of every run, so that other programs on the machine count as little as possible."""
    times: dict[tuple[str, str], list[float]] = {who: [] for who in contenders}
    for _ in range(repeats):
        for who, run in contenders.items():
            started = time.process_time()
            run(steps)
            times[who].append(time.process_time() - started)
    return times


def certified(seeds: int, seed: int, n: int = 50, steps: int = 60_000) -> bool:
    """Certified relative gaps after full-batch Adam with a rate that falls linearly to zero."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    y = np.sin(4 * x) + 0.1 * rng.normal(size=n)
    table = Table(box=box.SIMPLE, title=f"relative gaps of {seeds} networks, n = {n}, {steps} steps of Adam")
    for heading in ("beta", "width", "min", "median", "max", "dead on the hull", "seconds"):
        table.add_column(heading, justify="right")
    training.train(x, y, width=1, learning_rate=0.01, n_steps=1, seeds=1)  # compiles, so that no row's seconds do
    fine = True
    for beta in (0.01, 0.1, 1.0):
        for width in (16, 32, 128):
            started = time.perf_counter()
            runs = training.train(
                x, y, width=width, beta=beta, learning_rate=lambda t: 1e-2 * (1 - t / steps), n_steps=steps, seeds=seeds
            )
            seconds = time.perf_counter() - started
            gap = runs.relative_gap
            fine &= bool((gap >= 0).all() and (width < 128 or beta != 0.01 or np.median(gap) <= 1e-5))
            least, middle, most = np.quantile(gap, [0, 0.5, 1])
            dead = f"{runs.dead_fraction.mean():.3f}"
            table.add_row(f"{beta}", f"{width}", f"{least:.1e}", f"{middle:.1e}", f"{most:.1e}", dead, f"{seconds:.1f}")
    Console(width=120).print(table)
    return fine


if __name__ == "__main__":
    typer.run(main)
