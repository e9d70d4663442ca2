"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from convexnn.errors import InputError
from convexnn.files import check_target, write_bytes, write_text


def test_text_and_bytes_arrive_as_they_are(tmp_path):
    write_text(tmp_path / "a.txt", "Candès\n")
    write_bytes(tmp_path / "b.bin", b"\x00\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "Candès\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\r\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.bin"]


def test_an_older_file_is_replaced(tmp_path):
    path = tmp_path / "model.json"
    write_text(path, "old and longer")
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "model.json"
    write_text(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match=r"cannot write .*model\.json: No space left on device"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    target = tmp_path / "target.json"
    target.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*a\.json: No such file or directory"):
        write_text(tmp_path / "absent" / "a.json", "")


def test_a_place_is_checked_before_the_work(tmp_path):
    check_target(tmp_path / "new.json")
    for path, reason in ((tmp_path / "absent" / "a.json", "there is no folder"), (tmp_path, "it is a folder")):
        with pytest.raises(InputError, match=f"cannot write {path}: {reason}"):
            check_target(path)
