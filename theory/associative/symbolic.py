"""The averages of the single-weight law, integrated by sympy from the law itself.

A weight is driven by v = b - G with G a normal variable of variance 1/2, and in units of the stiffness it is

    soft:     w = v          if v > 0
    density:  w = v          if v > x
    gap:      w = max(v, k)  if v > k / 2

and zero otherwise. It maximises the gain 2 w v - w^2 - [w > 0] x^2, where w > 0 is at least k under a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy
from sympy import Expr, Rational, Symbol

b = Symbol("b", real=True)
v = Symbol("v", real=True)
x = Symbol("x", positive=True)
k = Symbol("k", positive=True)

LAWS = ("soft", "density", "gap")


@dataclass(frozen=True)
class Piece:
    """Where the drive lies between `low` and `high`, the weight is `weight`, at the price `fee` for being nonzero."""

    low: Expr
    high: Expr
    weight: Expr
    fee: Expr

    @property
    def gain(self) -> Expr:
        """What the weight maximises, as a function of the drive."""
        return 2 * self.weight * v - self.weight**2 - self.fee

    def average(self, integrand: Expr) -> Expr:
        """The integral of a polynomial in v = b - G over this range."""
        g = Symbol("g", real=True)
        density = sympy.exp(-(g**2)) / sympy.sqrt(sympy.pi)
        primitive = sympy.integrate(sympy.expand(integrand.subs(v, b - g)) * density, g)
        return primitive.subs(g, b - self.low) - sympy.limit(primitive, g, b - self.high)


def pieces(law: str) -> tuple[Piece, ...]:
    """The nonzero part of the law called "soft", "density" or "gap", from low drives to high."""
    zero = sympy.Integer(0)
    return {
        "soft": (Piece(zero, sympy.oo, v, zero),),
        "density": (Piece(x, sympy.oo, v, x**2),),
        "gap": (Piece(k / 2, k, k, zero), Piece(k, sympy.oo, v, zero)),
    }[law]


_INTEGRANDS = {
    "nonzero": lambda piece: sympy.Integer(1),
    "first": lambda piece: 2 * piece.weight,
    "second": lambda piece: 2 * piece.weight**2,
    "toll": lambda piece: 2 * piece.weight * (piece.weight - v) + piece.fee,
    "gain": lambda piece: 2 * piece.gain,
}


@cache
def averages(law: str) -> dict[str, Expr]:
    """P(w > 0), 2 <w>, 2 <w^2>, the toll <2 w (w - v) + fee>, 2 <gain>, and the derivative of 2 <w> in b."""
    found = {
        name: sympy.Add(*(piece.average(integrand(piece)) for piece in pieces(law)))
        for name, integrand in _INTEGRANDS.items()
    }
    return {**found, "slope": sympy.diff(found["first"], b)}


def closed_forms(law: str) -> dict[str, Expr]:
    """The averages as the replica theory writes them: by E, F and D at the onset and at the edge of the weights."""
    zero = sympy.Integer(0)
    onset, edge = {"soft": (zero, zero), "density": (x, x), "gap": (k / 2, k)}[law]
    nonzero, from_onset, _ = gaussian(b - onset)
    _, f, d = gaussian(b - edge)
    return {
        "nonzero": nonzero,
        "first": f + 2 * edge * nonzero,
        "second": d + 2 * edge * f + 2 * edge**2 * nonzero,
        "toll": edge * (f - from_onset) + edge**2 * nonzero,
    }


def gaussian(t: Expr) -> tuple[Expr, Expr, Expr]:
    """E(t) = P(G < t), F(t) = 2 <(t - G)_+> and D(t) = 2 <(t - G)_+^2>, as they are published."""
    e = (1 + sympy.erf(t)) * Rational(1, 2)
    f = sympy.exp(-(t**2)) / sympy.sqrt(sympy.pi) + t * (1 + sympy.erf(t))
    return e, f, t * f + e


def identities(law: str) -> dict[str, Expr]:
    """Expressions that vanish identically.

    The closed forms; the derivatives of the average gain, which are the terms of the saddle-point equations; and that a
    nonzero weight starts where its gain does.
    """
    found = averages(law)
    differences = {name: found[name] - form for name, form in closed_forms(law).items()}
    differences["gain, in the drive"] = sympy.diff(found["gain"], b) - 2 * found["first"]
    differences["gain, by parts"] = found["second"] - 2 * found["toll"] - found["gain"]
    if law == "density":
        differences["gain, in x^2"] = sympy.diff(found["gain"], x) / (2 * x) + 2 * found["nonzero"]
    if law == "gap":
        differences["gain, in k"] = k * sympy.diff(found["gain"], k) + 2 * found["toll"]
    first = pieces(law)[0]
    differences["onset"] = first.gain.subs(v, first.low)
    return {name: sympy.simplify(sympy.expand(difference)) for name, difference in differences.items()}
