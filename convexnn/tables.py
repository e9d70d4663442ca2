"""Two columns of a CSV file; whatever is wrong with it is named with its line."""

from __future__ import annotations

import csv
import io
import math
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from convexnn.errors import InputError
from convexnn.validation import FloatArray

_DELIMITERS = ",;\t"
_MISSING = frozenset({"", "na", "nan", "null", "?"})
_LINES_SHOWN = 5
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class Table:
    """An input column and an output column of a file.

    Attributes
    ----------
    x, y : ndarray of shape (n_rows,)
        The kept rows in the order of the file; finite.
    x_name, y_name : str
        The columns' names in the header, or their numbers from 1 where they have no name of their own;
        `read_columns` takes both.
    dropped_lines : tuple of int
        Line numbers in the file of the rows dropped because x or y is missing.
    """

    x: FloatArray
    y: FloatArray
    x_name: str
    y_name: str
    dropped_lines: tuple[int, ...]

    @property
    def n_dropped(self) -> int:
        """Number of dropped rows."""
        return len(self.dropped_lines)


class _Row(NamedTuple):
    line: int
    cells: list[str]


def read_columns(
    path: str | os.PathLike[str],
    x: str | int = 1,
    y: str | int = 2,
    *,
    drop_missing: bool = False,
) -> Table:
    """Read an input and an output column from a CSV file.

    The file is UTF-8 text with cells separated by commas, semicolons or tabs (its first line decides), quoted
    where needed. The first row is a header if some cell of it is neither a number nor missing. Blank lines do
    not count.

    Parameters
    ----------
    path : str or path
        The file.
    x, y : str or int
        A column's name in the header, or its number from 1 (also as text).
    drop_missing : bool
        Drop the rows in which x or y is missing (an empty cell, NA, NaN, null or ?) instead of refusing the
        file.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If the file cannot be read, is no UTF-8 text, has no rows or rows of different lengths, or lacks a column;
        if a cell of x or y is not a finite number; if one is missing and `drop_missing` is false.
    """
    source = os.fspath(path)
    text = _read_text(source)
    delimiter = _delimiter(text)
    top = next(_rows(source, text, delimiter), None)
    if top is None:
        raise InputError(f"{source} is empty")
    width = len(top.cells)
    header = top.cells if any(math.isnan(_number(cell)) and not _is_missing(cell) for cell in top.cells) else []
    j, k = (_find_column(source, column, header, width) for column in (x, y))
    x_name, y_name = _name(header, j), _name(header, k)
    if j == k:
        raise InputError(f"x and y are both column {x_name!r} of {source}; choose two different columns")

    numbers = _read_numbers(text, delimiter, top.line if header else 0)
    if numbers is not None and numbers.shape[1] == width:
        return Table(numbers[:, j].copy(), numbers[:, k].copy(), x_name, y_name, ())
    body = _read_rows(source, text, delimiter)[1 if header else 0 :]
    missing = [row.line for row in body if _is_missing(row.cells[j]) or _is_missing(row.cells[k])]
    if missing and not drop_missing:
        raise InputError(
            f"{source}: {x_name!r} or {y_name!r} is missing in {len(missing)} of {len(body)} rows "
            f"({_lines(missing)}); fill them in, or drop these rows with drop_missing=True (--drop-missing)"
        )
    dropped = set(missing)
    kept = [row for row in body if row.line not in dropped]
    if not kept:
        raise InputError(f"{source} has no row with both {x_name!r} and {y_name!r}")
    return Table(
        x=_numbers(source, kept, j, x_name),
        y=_numbers(source, kept, k, y_name),
        x_name=x_name,
        y_name=y_name,
        dropped_lines=tuple(missing),
    )


def _read_text(source: str) -> str:
    try:
        text = Path(source).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise InputError(f"{source} is not a text file (byte {text.index(chr(0))} is 0); save the table as CSV")
    return text


def _delimiter(text: str) -> str:
    """The one that cuts the first line into the most cells."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(_DELIMITERS, key=lambda mark: _count_cells(first, mark))


def _read_numbers(text: str, delimiter: str, n_skipped: int) -> FloatArray | None:
    """The whole table below `n_skipped` lines, of a file of finite numbers without quotes; None of any other.

    What this refuses is read again cell by cell, which takes longer and finds the place of the damage.
    """
    lines = io.StringIO(text, newline=None)
    for _ in range(n_skipped):
        lines.readline()
    body = lines.read()
    if '"' in body:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a file without data
            table: FloatArray = np.loadtxt(io.StringIO(body), delimiter=delimiter, comments=None, ndmin=2)
    except (ValueError, UserWarning):
        return None
    return table if np.isfinite(table).all() else None


def _rows(source: str, text: str, delimiter: str) -> Iterator[_Row]:
    """The rows that are not blank, cells stripped."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if stripped not in ([], [""]):
                yield _Row(reader.line_num, stripped)
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: {error}; is a quote missing?") from error


def _read_rows(source: str, text: str, delimiter: str) -> list[_Row]:
    """All rows, if they are of one length."""
    rows = list(_rows(source, text, delimiter))
    for row in rows:
        if len(row.cells) != len(rows[0].cells):
            raise InputError(
                f"{source}: every row needs the same number of cells, "
                f"line {rows[0].line} has {len(rows[0].cells)}, line {row.line} has {len(row.cells)}"
            )
    return rows


def _count_cells(line: str, delimiter: str) -> int:
    """How many cells a delimiter cuts the line into; 0 if it cuts through quotes."""
    try:
        return len(next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)))
    except (csv.Error, StopIteration):
        return 0


def _find_column(source: str, column: str | int, header: list[str], width: int) -> int:
    """Index from 0 of the column with that name in the header, else with that number from 1."""
    matches = [j for j, name in enumerate(header) if name == column]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(
            f"{source} has {len(matches)} columns named {column!r}; choose one by its number (1 to {width})"
        )
    if str(column).isdecimal() and 1 <= int(column) <= width:
        return int(column) - 1
    known = f"columns {', '.join(map(repr, header[:_NAMES_SHOWN]))}" if header else "no header"
    if len(header) > _NAMES_SHOWN:
        known += ", ..."
    raise InputError(f"{source} has no column {column!r}; it has {known}; its numbers are 1 to {width}")


def _name(header: list[str], index: int) -> str:
    """What to call a column so that `_find_column` finds it again."""
    if header and header[index] and header.count(header[index]) == 1:
        return header[index]
    return str(index + 1)


def _numbers(source: str, rows: list[_Row], index: int, name: str) -> FloatArray:
    """One column as finite numbers."""
    numbers = np.array([_number(row.cells[index]) for row in rows])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        row = rows[bad[0]]
        raise InputError(f"{source}, line {row.line}, column {name!r}: {row.cells[index]!r} is not a finite number")
    return numbers


def _number(cell: str) -> float:
    """The number in a cell; NaN where there is none."""
    if "_" in cell:  # 1_000 is a number to Python, to no other reader of the file
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _is_missing(cell: str) -> bool:
    return cell.lower() in _MISSING


def _lines(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_LINES_SHOWN]))
    return f"line{'s' * (len(numbers) > 1)} {shown}{', ...' if len(numbers) > _LINES_SHOWN else ''}"
