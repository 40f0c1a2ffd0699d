"""The file of shapes: a second process asks spaCy nothing, the encoding is the same, and a wrong file is ignored."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nspdata.tokenization.fast import shape_cache
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.fast.facts import tokenizer_facts
from nspdata.tokenization.fast.shape_cache import ShapeAnswers, ShapeCache, digest_of, no_answers, packed, unpacked
from nspdata.tokenization.plain import PlainEncoder
from nspdata.tokenization.rules import SentenceRules
from nspdata.tokenization.sentences import Splitter, make_blank
from tests.tokenization.fuzzing import hard_texts
from tests.tokenization.texts import BUNDLED, assert_same, decoded, wordpiece

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = bytes(range(32))


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test, switched on."""
    monkeypatch.setenv("NSPDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NSPDATA_SHAPE_CACHE")
    return tmp_path / "cache" / "shapes"


def answers(*keys: int) -> ShapeAnswers:
    """Answers for keys: each has the tokens 0-1 and 1-3, and a start at 1."""
    n = len(keys)
    return ShapeAnswers(
        np.array(keys, np.uint64),
        np.full(n, -1, np.int32),
        np.full(n, 3, np.uint8),
        np.ones(n, np.int64),
        np.full(n, 3),
        np.ones(n, np.int32),
        np.tile(np.array([0, 1, 3], np.int32), n),
    )


def encoder(language: str) -> FastEncoder:
    """A new encoder, as another process has."""
    return FastEncoder(Splitter(language), wordpiece(BUNDLED))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_second_process_asks_nothing_and_encodes_the_same(language: str, directory: Path) -> None:
    """Hard texts: file names, numbers, URLs, strings of rules, marks of all scripts."""
    texts = hard_texts(language, 15_000, seed=5)
    first, plain = encoder(language), PlainEncoder(Splitter(language), wordpiece(BUNDLED))
    wanted = decoded(first.encode(texts))
    first.boundaries.answers.cache.save()
    assert len([*directory.iterdir()]) == 1
    second = encoder(language)
    assert decoded(second.encode(texts)) == wanted
    kept = len(ShapeCache.of(second.splitter.tokenizer, first.boundaries.rules).load())  # type: ignore[union-attr]
    assert len(second.boundaries.answers.firsts) == kept > 100
    assert_same(encoder(language), plain, hard_texts(language, 15_000, seed=6))


def test_a_chunk_with_a_rule_is_kept_by_its_own_hash() -> None:
    """spaCy keeps "e.g." whole, but not "x.y.", which has its shape; neither is asked for twice."""
    texts = [
        "One e.g. two. Three x.y. four. Don't. Didn't, e.g., etc. a.m. Xx.",
        "We'll see, c.q. it's. He'd. O'Neill's.",
    ]
    first = encoder("en")
    first.encode(texts)
    first.boundaries.answers.cache.save()
    second = encoder("en")
    second.encode(texts)
    assert len(second.boundaries.answers.firsts) == len(second.boundaries.answers.cache.load())


def test_new_shapes_are_written_without_the_end_of_a_process(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed has written most of its answers."""
    monkeypatch.setattr(shape_cache, "LEAST_NEW", 5)
    kept = encoder("en")
    kept.encode(hard_texts("en", 15_000, seed=1))
    (path,) = directory.iterdir()
    assert len(unpacked(path.read_bytes(), kept.boundaries.answers.cache.digest) or ()) >= 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:60],
        lambda data: b"",
        lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
        lambda data: data[:70] + bytes([data[70] ^ 1]) + data[71:],
        lambda data: packed(answers(1, 2), bytes(32)),
    ],
    ids=["cut", "cut in the head", "empty", "a bit of an array", "a bit of the sizes", "of another tokenizer"],
)
def test_a_wrong_file_is_refused(damage: Callable[[bytes], bytes]) -> None:
    right = packed(answers(1, 2), DIGEST)
    found = unpacked(right, DIGEST)
    assert found is not None
    assert found.keys.tolist() == [1, 2]
    assert unpacked(damage(right), DIGEST) is None


def test_a_corrupt_file_is_overwritten_and_does_not_change_the_encoding(directory: Path) -> None:
    """The file claims that all first tokens begin at 1."""
    texts = hard_texts("en", 5_000, seed=2)
    first = encoder("en")
    wanted = decoded(first.encode(texts))
    first.boundaries.answers.cache.save()
    (path,) = directory.iterdir()
    right = path.read_bytes()
    path.write_bytes(packed(answers(*range(1, 999)), bytes(32)))
    second = encoder("en")
    assert decoded(second.encode(texts)) == wanted
    second.boundaries.answers.cache.save()
    assert path.read_bytes() == right


@pytest.mark.parametrize(
    "change",
    [
        {"inner": np.array([3], np.int32)},
        {"inner": np.zeros(0, np.int32)},
        {"bounds": np.array([0, 2, 2], np.int32)},
        {"bounds": np.array([1, 2, 3], np.int32)},
        {"firsts": np.array([3], np.int32)},
        {"leaves": np.array([4], np.uint8)},
        {"num_bounds": np.array([1])},
        {"num_inner": np.array([-1])},
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, np.ndarray]) -> None:
    """Offsets past the end of a chunk would be read outside the text, whatever the checksum says."""
    assert unpacked(packed(answers(7), DIGEST), DIGEST) is not None
    assert unpacked(packed(dataclasses.replace(answers(7), **change), DIGEST), DIGEST) is None


def test_the_digest_holds_what_the_answers_depend_on() -> None:
    """Patterns, rules and corrections; the same for a second pipeline."""
    rules, tokenizer = SentenceRules(), make_blank("en").tokenizer
    found = {digest_of(tokenizer_facts(tokenizer), rules)}
    assert {digest_of(tokenizer_facts(make_blank("en").tokenizer), SentenceRules())} == found
    found |= {
        digest_of(tokenizer_facts(tokenizer), dataclasses.replace(rules, **change))
        for change in ({"extra_marks": "~"}, {"punct_chars": frozenset("!")})
    }
    found.add(digest_of(tokenizer_facts(make_blank("de").tokenizer), rules))
    tokenizer.add_special_case("qqq.", [{"ORTH": "qqq"}, {"ORTH": "."}])
    found.add(digest_of(tokenizer_facts(tokenizer), rules))
    tokenizer.infix_finditer = re.compile("x").finditer
    found.add(digest_of(tokenizer_facts(tokenizer), rules))
    assert len(found) == 6


def test_two_processes_keep_the_answers_of_both(tmp_path: Path) -> None:
    """Each reads what the other has written before it writes."""
    one, two = (ShapeCache(tmp_path / "x.bin", DIGEST) for _ in range(2))
    one.add(answers(1, 2))
    two.add(answers(2, 3, 3))
    one.save()
    two.save()
    assert one.load().keys.tolist() == [1, 2, 3]
    assert one.load().fits()


def test_the_oldest_shapes_and_files_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_cache, "MOST_SHAPES", 3)
    monkeypatch.setattr(shape_cache, "MOST_FILES", 2)
    for name in ("a", "b", "c"):
        kept = ShapeCache(tmp_path / f"{name}.bin", DIGEST)
        kept.add(answers(1, 2, 3, 4))
        kept.save()
        kept.add(answers(5))
        kept.save()
    assert kept.load().keys.tolist() == [3, 4, 5]
    assert len([*tmp_path.iterdir()]) == 2


def test_without_a_directory_the_answers_stay_in_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache directory is a file: nothing is written, and nothing fails."""
    (tmp_path / "cache").write_text("")
    monkeypatch.setattr(shape_cache, "LEAST_NEW", 1)
    texts = hard_texts("en", 5_000, seed=3)
    fast = encoder("en")
    assert_same(fast, PlainEncoder(Splitter("en"), wordpiece(BUNDLED)), texts)
    assert len(fast.boundaries.answers.firsts)


def test_it_is_turned_off_by_the_environment(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSPDATA_SHAPE_CACHE", "0")
    off = encoder("en")
    off.encode(["One. Two, e.g. three."])
    assert off.boundaries.answers.cache is None
    assert not directory.exists()


def test_no_answers_fit() -> None:
    assert no_answers().fits()
    assert len(no_answers().plus(answers(1)).take(np.array([0]))) == 1
