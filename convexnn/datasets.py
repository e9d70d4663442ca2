"""Real one-dimensional data and the toy sets of the paper, as pairs of float64 arrays (input, output).

`convexnn/data/README.md` says where the data come from; all of them are in the public domain.
"""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np

from convexnn.tables import read_columns
from convexnn.validation import FloatArray

__all__ = ["bounce", "co2", "engel", "nile", "opt", "sunspots", "sunspots_autoregression", "zshape"]


def nile() -> tuple[FloatArray, FloatArray]:
    """Annual flow of the Nile at Aswan, 1871-1970, with one accepted change point between 1898 and 1899.

    Returns
    -------
    year : ndarray of shape (100,)
        Calendar year.
    volume : ndarray of shape (100,)
        Flow in 1e8 m^3.

    Notes
    -----
    Source: G. W. Cobb, Biometrika 65 (1978) 243-251.
    """
    return _read("nile.csv")


def co2() -> tuple[FloatArray, FloatArray]:
    """Weekly CO2 at Mauna Loa, 1958-2001: a trend with slow curvature plus a season.

    The 59 of 2284 weeks without a value are left out.

    Returns
    -------
    year : ndarray of shape (2225,)
        Decimal year: calendar year plus the elapsed share of its days.
    concentration : ndarray of shape (2225,)
        CO2 in parts per million.

    Notes
    -----
    Source: C. D. Keeling and T. P. Whorf, Carbon Dioxide Information Analysis Center (2004).
    """
    date, concentration = _read("co2.csv", drop_missing=True)
    return _decimal_year(date), concentration


def sunspots() -> tuple[FloatArray, FloatArray]:
    """Yearly mean sunspot number, 1700-2008.

    Returns
    -------
    year : ndarray of shape (309,)
        Calendar year.
    number : ndarray of shape (309,)
        Mean sunspot number of the year.

    Notes
    -----
    Source: National Geophysical Data Center.
    """
    return _read("sunspots.csv")


def sunspots_autoregression() -> tuple[FloatArray, FloatArray]:
    """The sunspot number of one year against that of the next: a regression with many equal inputs.

    Returns
    -------
    number : ndarray of shape (308,)
        Mean sunspot number of the years 1700-2007; 255 distinct values.
    next_number : ndarray of shape (308,)
        Mean sunspot number of the year after.

    Notes
    -----
    Source: as `sunspots`.
    """
    _, number = sunspots()
    return number[:-1], number[1:]


def engel() -> tuple[FloatArray, FloatArray]:
    """Income and food expenditure of 235 Belgian households: the classic case for the quantile loss.

    Returns
    -------
    income : ndarray of shape (235,)
        Household income in Belgian francs; unevenly spaced, 231 distinct values.
    food_expenditure : ndarray of shape (235,)
        Food expenditure in Belgian francs; its spread grows with income.

    Notes
    -----
    Source: E. Engel (1857), as distributed with the R package quantreg.
    """
    return _read("engel.csv")


def zshape() -> tuple[FloatArray, FloatArray]:
    """Four points on a step with a flat stretch on either side.

    Returns
    -------
    x, y : ndarray of shape (4,)
        No units.

    Notes
    -----
    Source: the code of arXiv:2403.01046, data set "zshape".
    """
    return np.array([0.0, 2.0, 6.0, 7.0]), np.array([0.0, 0.0, 3.0, 3.0])


def bounce() -> tuple[FloatArray, FloatArray]:
    """Four points on a convex curve: flat, then steeper twice.

    Returns
    -------
    x, y : ndarray of shape (4,)
        No units.

    Notes
    -----
    Source: the code of arXiv:2403.01046, data set "bounce".
    """
    return np.array([0.0, 2.0, 6.0, 7.0]), np.array([0.0, 0.0, 3.0, 7.0])


def opt() -> tuple[FloatArray, FloatArray]:
    """Six points on a ramp with a bend: several networks are optimal at once.

    Returns
    -------
    x, y : ndarray of shape (6,)
        No units.

    Notes
    -----
    Source: the code of arXiv:2403.01046, data set "opt" (figure 3).
    """
    return np.array([0.0, 4.0, 5.0, 7.0, 10.0, 11.0]), np.array([0.0, 0.0, 0.0, 2.0, 3.0, 3.0])


def _read(name: str, *, drop_missing: bool = False) -> tuple[FloatArray, FloatArray]:
    with as_file(files("convexnn") / "data" / name) as path:
        table = read_columns(path, drop_missing=drop_missing)
    return table.x, table.y


def _decimal_year(date: FloatArray) -> FloatArray:
    """Calendar year plus the elapsed share of its days, from dates written YYYYMMDD."""
    year, month, day = (part.astype(int) for part in (date // 10_000, date // 100 % 100, date % 100))
    january = (year - 1970).astype("datetime64[Y]")  # numpy counts years from 1970
    today = (january.astype("datetime64[M]") + (month - 1)).astype("datetime64[D]") + (day - 1)
    first, last = january.astype("datetime64[D]"), (january + 1).astype("datetime64[D]")
    return year + (today - first) / (last - first)
