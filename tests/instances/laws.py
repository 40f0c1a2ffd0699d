"""The rules for rows, checked one row at a time in plain Python, on documents in which every token is unique."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.instances.corpora import FIRST, lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.build import Config
    from nspdata.instances.rows import Rows
    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.tokenization.vocabulary import Vocabulary


@dataclass(frozen=True)
class Row:
    """One row, unmasked, taken apart."""

    a: list[int]
    b: list[int]
    label: int
    document_a: int
    document_b: int
    sentence_a: int
    sentence_b: int


@dataclass(frozen=True)
class Place:
    """Where a token stands: index of its document, of its sentence there, and of itself in the document."""

    document: int
    sentence: int
    token: int


def take_apart(rows: Rows, vocabulary: Vocabulary) -> Iterator[Row]:
    """Yields the rows and checks their shape: `[CLS] A [SEP] B [SEP]` or `[CLS] A [SEP]`, with no special token inside."""
    cls, sep = vocabulary.special_ids["[CLS]"], vocabulary.special_ids["[SEP]"]
    ids, types = rows.unmasked_ids().tolist(), rows.token_type_ids().tolist()
    for row in range(len(rows)):
        begin, end = int(rows.offsets[row]), int(rows.offsets[row + 1])
        tokens, kinds = ids[begin:end], types[begin:end]
        middle = kinds.count(0)
        assert kinds == [0] * middle + [1] * (len(kinds) - middle)
        first, second = tokens[:middle], tokens[middle:]
        assert first[0] == cls
        assert first[-1] == sep
        assert not second or second[-1] == sep
        a, b = first[1:-1], second[:-1]
        assert a
        assert not set(vocabulary.special_ids.values()) & {*a, *b}
        yield Row(
            a,
            b,
            int(rows.next_sentence_label[row]),
            int(rows.document_a[row]),
            int(rows.document_b[row]),
            int(rows.sentence_a[row]),
            int(rows.sentence_b[row]),
        )


def places(documents: TokenizedDocuments) -> list[Place]:
    """Where each token of the documents stands, by its id less `FIRST`."""
    return [
        Place(number, index, position)
        for number, document in enumerate(lists(documents))
        for position, (index, _) in enumerate(
            (index, token) for index, sentence in enumerate(document) for token in sentence
        )
    ]


class Checker:
    """Checks rows against the rules for pairs.

    Attributes:
        own: how often each token stands in a segment of its own document's pass (A, and B of what is no negative).
    """

    def __init__(self, documents: TokenizedDocuments, config: Config) -> None:
        self.documents = lists(documents)
        self.document_ids = documents.document_ids.tolist()
        self.places = places(documents)
        self.pairing = config.pairing
        self.own: Counter[int] = Counter()

    def check(self, row: Row) -> None:
        """One row."""
        assert len(row.a) + len(row.b) + 2 + bool(row.b) <= self.pairing.max_seq_length
        a = self.segment(row.a, row.document_a)
        self.own.update(row.a)
        if self.pairing.objective == "none":
            assert row.b == []
            assert row.label == 0
            assert (row.document_b, row.sentence_b) == (row.document_a, row.sentence_a)
            assert row.sentence_a <= a[0].sentence
            return
        b = self.segment(row.b, row.document_b)
        negative = row.label == 1 and self.pairing.objective == "nsp"
        same = self.pairing.negatives == "same_document"
        assert (negative and not same) == (row.document_a != row.document_b)
        if negative and same:
            assert a[-1].sentence + 1 < b[0].sentence or b[-1].sentence + 1 < a[0].sentence
        if not negative:
            self.own.update(row.b)
            self.check_adjacent(row, a, b)
        self.check_starts(row, a, b)

    def segment(self, tokens: list[int], document_id: int) -> list[Place]:
        """A segment's tokens, held to stand one after another in the document that the row names."""
        assert tokens
        found = [self.places[token - FIRST] for token in tokens]
        assert {place.document for place in found} == {found[0].document}
        assert self.document_ids[found[0].document] == document_id
        assert [place.token for place in found] == list(range(found[0].token, found[0].token + len(found)))
        return found

    def check_adjacent(self, row: Row, a: list[Place], b: list[Place]) -> None:
        """B begins at the sentence right after A's last (with `sop` and label 1, A at the one right after B's)."""
        (early, late), (first, second) = ((a, b), (row.sentence_a, row.sentence_b))
        if row.label == 1:
            (early, late), (first, second) = ((b, a), (row.sentence_b, row.sentence_a))
        assert early[0].document == late[0].document
        assert first < second
        assert all(first <= place.sentence < second for place in early)
        assert all(place.sentence >= second for place in late)
        if self.pairing.unit == "sentences":
            assert second == first + 1
            assert all(place.sentence == second for place in late)
        sentences = self.documents[a[0].document][first : late[-1].sentence + 1]
        if sum(map(len, sentences)) <= self.pairing.max_seq_length - 3:  # then nothing can have been cut
            assert early[-1].token + 1 == late[0].token
            assert early[0].token == self.start(early[0].document, first)

    def check_starts(self, row: Row, a: list[Place], b: list[Place]) -> None:
        """A segment begins with its first sentence's first token, unless the pair was cut down to the longest that is allowed."""
        longest = len(row.a) + len(row.b) == self.pairing.max_seq_length - 3
        for found, sentence in ((a, row.sentence_a), (b, row.sentence_b)):
            start = self.start(found[0].document, sentence)
            assert found[0].token == start or (longest and found[0].token > start)

    def start(self, document: int, sentence: int) -> int:
        """Index in its document of a sentence's first token."""
        return sum(map(len, self.documents[document][:sentence]))

    def lost(self) -> int:
        """Tokens of the corpus that stand in no segment of their own document."""
        return len(self.places) - len(self.own)
