"""The languages of documents: checks the codes in their records, and keeps the splitters and encoders of a few languages."""

from __future__ import annotations

import dataclasses
import gc
import re
from collections import Counter, OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from nspdata.errors import ConfigError
from nspdata.tokenization.fast.facts_file import kept_facts
from nspdata.tokenization.sentences import PACKAGES, make_blank
from nspdata.tokenization.spacy_import import import_spacy, is_untouched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nspdata.config.build import SentencesConfig

MAX_LANGUAGES = 16
"""Languages whose splitter or encoder is kept in memory: about 10 MB each at first, more as its cache of words grows."""

MAX_CODES = 10_000
"""Distinct values of the field that are remembered."""

MAX_CODE_CHARACTERS = 35
"""Longest language tag (RFC 5646)."""

NAMED = 5
"""Unknown codes named in a message."""

CODE = re.compile(r"[a-z]{2,8}")

OLDER_CODES = {"iw": "he", "in": "id", "no": "nb", "cmn": "zh", "und": "xx", "mul": "xx"}
"""Codes with the same meaning as a code of spaCy: older codes, macrolanguages, undetermined and several languages."""

Value = TypeVar("Value")


class Languages:
    """The codes in the field `sentences.language_field` of records; each code is checked once.

    The primary subtag decides: `en-US` and `EN` are `en`, `zh-Hans` is `zh`; codes of three letters (`eng`) are known too.

    Attributes:
        field: the field, or rules `GLOB=FIELD`.
        unknown: values that cannot be used, with the number of records; at most `MAX_CODES`.
    """

    def __init__(self, settings: SentencesConfig) -> None:
        self.field = settings.language_field
        self.unknown: Counter[str] = Counter()
        self._settings = settings
        self._codes: dict[str, str | None] = {}

    @staticmethod
    def of(settings: SentencesConfig) -> Languages | None:
        """The languages of the settings; None without `language_field`."""
        return Languages(settings) if settings.language_field else None

    def code_of(self, value: object) -> str | None:
        """The code for a value of the field; "" for the default language, None if the document is rejected."""
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        written = value.strip() if isinstance(value, str) else ""
        found = self._codes.get(written)
        if not found and written not in self._codes:
            found = known_code(written, self._settings.splitter) if len(written) <= MAX_CODE_CHARACTERS else None
            if len(self._codes) < MAX_CODES:
                self._codes[written] = found
        if found is None and (len(self.unknown) < MAX_CODES or written in self.unknown):
            self.unknown[written[: MAX_CODE_CHARACTERS + 1]] += 1
        return "" if found is None and self._settings.unknown_language == "default" else found

    def require_known(self) -> None:
        """Refuses the codes that were read so far, if one cannot be used. A missing code is a rejected record, not an error.

        Raises:
            ConfigError: one cannot be used, and `sentences.unknown_language` is `refuse`.
        """
        wrong = [(code, count) for code, count in self.unknown.most_common() if code]
        if not wrong or self._settings.unknown_language == "default":
            return
        named = ", ".join(f"{code!r} ({count:,} documents)" for code, count in wrong[:NAMED])
        more = f" and {len(wrong) - NAMED:,} more" if len(wrong) > NAMED else ""
        needed = [PACKAGES[code] for code in sorted({code.lower()[:2] for code, _ in wrong} & PACKAGES.keys())]
        install = f"install {' and '.join(needed)}, " if needed and self._settings.splitter == "spacy" else ""
        raise ConfigError(
            f"sentences.language_field={self.field!r} holds codes that cannot be used: {named}{more}; {install}fix the codes, "
            f"or set sentences.unknown_language=default to split such documents by sentences.language "
            f"({self._settings.language!r})"
        )


@lru_cache(maxsize=MAX_CODES)
def known_code(written: str, splitter: str) -> str | None:
    """The language code of a splitter for a language tag; None if the splitter cannot split that language here.

    >>> known_code("en-US", "spacy"), known_code("iw", "spacy"), known_code("klingon", "spacy")
    ('en', 'he', None)
    """
    primary = re.split("[-_]", written.lower(), maxsplit=1)[0]
    if not CODE.fullmatch(primary):
        return None
    if splitter == "sentencex":
        return primary if len(primary) <= 3 else None
    if is_untouched() and (kept := kept_facts(OLDER_CODES.get(primary, primary))):
        return kept[0].language
    import_spacy()
    from spacy.util import find_matching_language, get_lang_class

    for code in dict.fromkeys((OLDER_CODES.get(primary, primary), find_matching_language(primary) or primary)):
        try:
            found = str(get_lang_class(code).lang)
            if found in PACKAGES:
                make_blank(found)
        except (ImportError, ConfigError):  # no language of spaCy, or its package is not installed
            continue
        return found
    return None


class PerLanguage(Generic[Value]):
    """A cache with one value per language; the least recently used is dropped.

    Args:
        make: creates it for the settings of one language.
        settings: the settings `sentences`; `language` is the default language.
        limit: how many are kept.
    """

    def __init__(
        self, make: Callable[[SentencesConfig], Value], settings: SentencesConfig, *, limit: int = MAX_LANGUAGES
    ) -> None:
        self._make, self._settings, self._limit = make, settings, limit
        self._kept: OrderedDict[str, Value] = OrderedDict()
        if not settings.language_field or settings.unknown_language == "default":
            self.of("")  # raises now for a wrong setting

    def of(self, code: str) -> Value:
        """The one of a language; "" for the default language."""
        code = code or self._settings.language
        if code not in self._kept:
            if len(self._kept) >= self._limit:
                self._kept.popitem(last=False)
                gc.collect()  # a pipeline of spaCy is a reference cycle
            self._kept[code] = self._make(dataclasses.replace(self._settings, language=code))
        self._kept.move_to_end(code)
        return self._kept[code]

    def grouped(self, languages: Sequence[str]) -> Iterable[tuple[Value, list[int]]]:
        """Yields each language's value and the indices of its documents; those of languages in memory come first."""
        groups: dict[str, list[int]] = {}
        for index, code in enumerate(languages):
            groups.setdefault(code or self._settings.language, []).append(index)
        for code in sorted(groups, key=lambda code: (code not in self._kept, code)):
            yield self.of(code), groups[code]

    def __len__(self) -> int:
        return len(self._kept)
