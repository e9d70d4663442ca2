"""Files that are either complete or absent: written beside their place, then moved into it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from convexnn.errors import InputError


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader, or a crash of this program, never meets half of it.

    An older file at `path` stays as it was until the new one is complete.

    Raises
    ------
    InputError
        If the file cannot be written there.
    """
    target = Path(path).resolve()
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            partial.write_bytes(data)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {os.fspath(path)}: {error.strerror}") from error


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """`write_bytes` of a text, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))
