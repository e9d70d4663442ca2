"""Arrays in files, .npy or CSV: nothing is unpickled, and what is wrong is said with the file's name."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convexnn.errors import InputError
from convexnn.files import write_bytes
from convexnn.validation import FloatArray

ENDINGS = (".csv", ".npy")


def read_array(path: Path) -> NDArray[Any]:
    """The array of an .npy file; of any other file the table of numbers between commas, in two dimensions.

    Raises
    ------
    InputError
        If the file cannot be read, holds Python objects, or is no table of numbers.
    """
    read = _read_npy if path.suffix.lower() == ".npy" else _read_csv
    try:
        return read(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("; use `usecols`")[0]  # of ragged rows, numpy goes on about its own arguments
        raise InputError(f"{path} is no array of numbers: {reason}") from error


def _read_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_csv(path: Path) -> NDArray[Any]:
    with path.open(encoding="utf-8-sig") as file:
        lines = [line for line in file if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    table: FloatArray = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    return table


def read_vector(path: Path) -> NDArray[Any]:
    """`read_array` of a file with one row or one column, or of a vector."""
    array = read_array(path)
    if array.ndim == 2 and 1 in array.shape:
        return array.ravel()
    if array.ndim != 1:
        raise InputError(f"{path} must hold one row or one column, got shape {array.shape}")
    return array


def write_vector(path: Path, values: FloatArray) -> None:
    """Write numbers so that they are read back exactly; in CSV one a line."""
    if path.suffix.lower() == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        write_bytes(path, buffer.getvalue())
    else:
        write_bytes(path, "".join(f"{value!r}\n" for value in values.tolist()).encode())
