"""Small shards are built in groups, with the same bytes as one by one."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nspdata.building.earlier import finished_shards
from nspdata.building.prepare import prepare
from nspdata.building.results import earlier_result, read_entries
from nspdata.building.shard import finish_group
from nspdata.files.local import LocalFiles, join
from tests.building.corpus import digests
from tests.building.plainly import build_plainly, settings
from tests.building.small import small_lines, write_small_vocabulary

SETTINGS = ("output.num_shards=5", "output.validation_fraction=0.3", "pairing.objective=sop", "duplicate_factor=2")


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """Thirty documents, each of them twice, and eight whose only text is a sentence that all of them have."""
    lines = small_lines(map(str, range(30)), random.Random(0))
    same = json.loads(lines.splitlines()[0])["text"]
    more = (json.dumps({"id": f"same {index}", "text": f"{same} {same}"[: -index - 1]}) for index in range(8))
    (tmp_path / "in.jsonl").write_text(lines + lines + "\n".join(more) + "\n")
    write_small_vocabulary(tmp_path / "vocab.txt")
    return tmp_path / "in.jsonl", tmp_path / "vocab.txt"


@pytest.mark.parametrize("group_size", [2, 64])
def test_groups_give_the_same_files_as_single_shards(small: tuple[Path, Path], tmp_path: Path, group_size: int) -> None:
    """Shards, statistics (with the tokens of repeated sentences, which are counted in each shard) and manifest are equal."""
    corpus, vocabulary = small
    for name, size in {"one": 1, "grouped": group_size}.items():
        config = settings(*SETTINGS)
        build_plainly([corpus], tmp_path / name, vocabulary, config, LocalFiles(), group_size=size)
    counts = json.loads((tmp_path / "one/statistics.json").read_text())["corpus"]["counts"]
    assert counts["repeated_tokens"] > 0
    assert counts["duplicates_dropped"] >= 30
    assert digests(tmp_path / "one") == digests(tmp_path / "grouped")


def test_a_group_is_finished_with_all_its_files_or_not_at_all(small: tuple[Path, Path], tmp_path: Path) -> None:
    """A shard that is missing, or a result of other groups, makes the whole group unfinished; a good result is read back."""
    corpus, vocabulary = small
    files, output = LocalFiles(), str(tmp_path / "out")
    prepared = prepare([str(corpus)], output, str(vocabulary), settings(*SETTINGS), files, local=False)
    plan = replace(prepared.plan, group_size=2)
    built = finish_group(plan, 0, [], files)
    finish_group(plan, 1, [], files)
    assert sorted(built.entries) == [0, 1]
    assert finished_shards(plan, files) == {0, 1, 2, 3}
    again = earlier_result(plan, 0, files)
    assert (again.entries, again.counts, again.statistics) == (built.entries, built.counts, built.statistics)
    info = files.stat(plan.result_path(0))
    assert info
    assert read_entries(replace(plan, group_size=3), 0, info, files) is None
    files.delete(join(output, plan.shard_path(3)))
    assert finished_shards(plan, files) == {0, 1}
