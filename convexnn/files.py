"""Files that are either complete or absent: written beside their place, then moved into it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from convexnn.errors import InputError


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse before the work a place where its result could not be written after it.

    Raises
    ------
    InputError
        If the folder is missing or not writable, or `path` is a folder itself.
    """
    name, target = os.fspath(path), Path(path).resolve()
    if not target.parent.is_dir():
        raise InputError(f"cannot write {name}: there is no folder {target.parent}")
    if target.is_dir():
        raise InputError(f"cannot write {name}: it is a folder; give the name of a file")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"cannot write {name}: the folder {target.parent} is not writable")


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
