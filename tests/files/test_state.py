"""State files: every change to a written file is detected."""

from __future__ import annotations

import json
from pathlib import Path

from nspdata.files.local import LocalFiles
from nspdata.files.state import read_state, seal, unseal, write_state


def test_every_cut_and_every_flipped_byte_is_noticed() -> None:
    """A state file that is truncated or has one byte changed is not read."""
    whole = seal(b'{"a": [1, 2.5, "x"]}')
    assert unseal(whole) == b'{"a": [1, 2.5, "x"]}'
    assert all(unseal(whole[:size]) is None for size in range(len(whole)))
    for place in range(len(whole)):
        altered = bytes([*whole[:place], whole[place] ^ 1, *whole[place + 1 :]])
        assert unseal(altered) is None, altered


def test_a_state_file_is_json(tmp_path: Path) -> None:
    """Other tools can read it."""
    path = tmp_path / "state.json"
    write_state(LocalFiles(), str(path), {"a": [1, None]})
    assert json.loads(path.read_text())["value"] == {"a": [1, None]}
    assert read_state(LocalFiles(), str(path)) == {"a": [1, None]}


def test_a_missing_or_foreign_file_is_no_state(tmp_path: Path) -> None:
    """Reading a missing file, or one that is no state, gives None."""
    assert read_state(LocalFiles(), str(tmp_path / "none")) is None
    for data in (b"", b"{}", b"\xff\xfe", b'{"length": 2, "checksum": "00", "value":\n{}}\n'):
        (tmp_path / "x").write_bytes(data)
        assert read_state(LocalFiles(), str(tmp_path / "x")) is None
