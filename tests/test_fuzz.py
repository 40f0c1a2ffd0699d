"""A small part of the fuzz runs, with fixed seeds; `python -m tests.fuzz --seconds 3600` is the long one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nspdata.errors import NspdataError
from tests.fuzz import Encoders, Target, columnar_files, languages, targets, tried


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Target]:
    return targets(tmp_path_factory.mktemp("fuzz"))


def test_altered_files_are_read_or_refused(found: list[Target]) -> None:
    """Every JSON file that is read, and input files of every format: no other exception than one of nspdata, in one line."""
    refused = sum(tried(target, number) for target in found for number in range(4))
    assert refused > 4 * len(found) // 10
    assert len(found) >= 35


def test_altered_columns_are_read_or_refused(tmp_path: Path) -> None:
    """Parquet and Arrow with every kind of page and buffer that is looked into: rows are read, or rejected in the records."""
    found = list(columnar_files(tmp_path))
    assert len(found) == 36
    for target in found:
        for number in range(8):
            tried(target, number)


@pytest.mark.parametrize("value", [None, [], "x", {"step": 1e400}, {"a": [[]] * 3}, 10**400])
def test_other_json_is_read_or_refused(found: list[Target], value: object) -> None:
    """Files with JSON of another shape are read or refused."""
    for target in found:
        if target.json:
            try:
                target.read(json.dumps(value).encode())
            except NspdataError as error:
                assert str(error)  # noqa: PT017 - all of them may be refused


def test_code_points_encode_alike() -> None:
    """Fast and plain encoder agree on random code points, unassigned ones too, in a few languages."""
    encoders = Encoders()
    for seed, language in enumerate(("en", "hi")):
        assert language in languages()
        encoders.check(language, seed, characters=500)
    assert set(encoders.texts) == {"en", "hi"}


def test_the_report_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fuzz command reports how many inputs it tried."""
    from tests import fuzz

    monkeypatch.setattr(
        "sys.argv", ["fuzz", "--seconds", "0.01", "--only", "lock", "--record", str(tmp_path / "r.json")]
    )
    assert fuzz.main() == 0
    assert json.loads((tmp_path / "r.json").read_text())["by_target"]["lock"]["tried"] >= 20
    assert capsys.readouterr().out
