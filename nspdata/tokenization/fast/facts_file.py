"""A file with the facts of a language, so that a process needs spaCy only for chunks that it must tokenize.

There is one file for each language, in `languages` below the user's cache directory. Its name and its head hold the digest of what the facts
depend on: the versions of spaCy, Python and Unicode, size and time of spaCy's files for the language, extensions of spaCy that packages
install, and the source of the modules that compute the facts. A file with another digest or a wrong checksum is ignored and
overwritten. Languages whose tokenizer is a package of its own are not kept. `NSPDATA_SHAPE_CACHE=0` turns the files off.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nspdata
from nspdata.arrays.source_stamp import source_stamp
from nspdata.files.user_cache import user_cache
from nspdata.tokenization.fast.alphabet import CharacterSet, Guard
from nspdata.tokenization.fast.facts import OTHER, Facts, TokenizerFacts
from nspdata.tokenization.fast.programs import Written
from nspdata.tokenization.fast.sealed import opened, replace_file, sealed
from nspdata.tokenization.fast.shape_cache import SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterable

MAGIC = b"nspdata facts 01"

MOST_FILES = 100
"""Files in the directory, about 100 kB each; the least recently written are deleted."""


def kept_facts(language: str) -> tuple[Facts, TokenizerFacts | None] | None:
    """The facts of a language and of its tokenizer from its file; None if they must be taken from spaCy.

    A language whose characters are its tokens has no facts of the tokenizer.
    """
    if not (digest := _digest(language)):
        return None
    try:
        data = _path(digest).read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: there is no home directory
        return None
    content = opened(data, MAGIC + digest)
    return unpacked(content) if content is not None else None


def keep_facts(language: str, facts: Facts, tokenizer: TokenizerFacts | None) -> None:
    """Writes the facts of a language, if they may be kept and the directory can be written."""
    if facts.kind != OTHER and (digest := _digest(language)):
        with contextlib.suppress(OSError, RuntimeError, UnicodeEncodeError):
            replace_file(_path(digest), sealed(packed(facts, tokenizer), MAGIC + digest), most_files=MOST_FILES)


def packed(facts: Facts, tokenizer: TokenizerFacts | None) -> bytes:
    """Facts as JSON. Each set of characters is written once, others refer to it by its number."""
    sets: dict[CharacterSet, int] = {}

    def number(one: CharacterSet | None) -> int | None:
        return None if one is None else sets.setdefault(one, len(sets))

    def numbers(several: Iterable[CharacterSet]) -> list[int | None]:
        return [number(one) for one in several]

    described: dict[str, Any] = {
        "language": facts.language,
        "kind": facts.kind,
        "punct_chars": sorted(facts.punct_chars),
        "strings": facts.strings,
    }
    if tokenizer:
        groups, programs = tokenizer.groups, tokenizer.programs
        described |= {
            "rules": tokenizer.rules,
            "groups": groups
            and [
                ([(number(guard.one), guard.times, number(guard.two)) for guard in guards], numbers(members))
                for guards, members in groups.items()
            ],
            "programs": programs and (programs.heads, programs.code, numbers(programs.sets)),
            "patterns": tokenizer.patterns,
            "digest": tokenizer.digest,
            "sets": [(one.ranges, one.categories, one.negated) for one in sets],
        }
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()


def unpacked(content: bytes) -> tuple[Facts, TokenizerFacts | None]:
    """The facts that `packed` got."""
    read: dict[str, Any] = json.loads(content)
    strings = tuple(read["strings"])
    facts = Facts(read["language"], read["kind"], frozenset(read["punct_chars"]), strings)
    return facts, _tokenizer(strings, read) if "digest" in read else None


def _tokenizer(strings: tuple[str, ...], read: dict[str, Any]) -> TokenizerFacts:
    sets = [CharacterSet(_pairs(ranges), _pairs(categories), negated) for ranges, categories, negated in read["sets"]]

    def guard(one: int, times: int, two: int | None) -> Guard:
        return Guard(sets[one], times, None if two is None else sets[two])

    groups = read["groups"]
    if groups is not None:
        groups = {
            frozenset(guard(*values) for values in guards): [sets[one] for one in members] for guards, members in groups
        }
    programs = read["programs"]
    if programs is not None:
        heads, code, members = programs
        programs = Written(heads, code, [sets[one] for one in members])
    return TokenizerFacts(strings, read["rules"], groups, programs, read["patterns"], read["digest"])


def _pairs(values: Iterable[list[Any]]) -> tuple[Any, ...]:
    return tuple(map(tuple, values))


def _path(digest: bytes) -> Path:
    return user_cache() / "languages" / f"{digest.hex()[:32]}.bin"


def _digest(language: str) -> bytes:
    """The digest of what the facts of a language depend on, 32 bytes; empty if they cannot be kept."""
    if os.environ.get(SWITCH, "1") == "0" or not language.isidentifier():
        return b""
    if not (found := _installed(language)):
        return b""
    versions = (nspdata.__version__, sys.version, unicodedata.unidata_version)
    digest = hashlib.sha256(repr((language, versions, found, _extensions())).encode())
    digest.update(source_stamp(__name__))
    return digest.digest()


@cache
def _installed(language: str) -> list[tuple[str, int, int]]:
    """Name, size and time of spaCy's files for a language, and of those that all share; empty if it does not have the language.

    spaCy is not imported, and neither is `importlib.metadata`, which takes longer than reading the facts.
    """
    found = find_spec("spacy")
    directory = Path(found.origin).parent if found and found.origin else None
    if directory is None or not (directory / "lang" / language / "__init__.py").is_file():
        return []
    shared = [directory / "about.py", *directory.glob("tokenizer.*"), *(directory / "lang").glob("*.py")]
    paths = sorted([*shared, *(directory / "lang" / language).glob("*.py")])
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


@cache
def _extensions() -> list[bytes]:
    """The entry points of installed packages that add to spaCy, such as languages and tokenizers."""
    files = [path for place in sys.path for path in Path(place).glob("*-info/entry_points.txt")]
    return sorted(text for text in (path.read_bytes() for path in files) if b"[spacy_" in text)
