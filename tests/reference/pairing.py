"""Pairs of segments, made plainly from the same random numbers: lists of sentence lengths, one sentence at a time.

What `nspdata.instances.pairs` must give exactly, for `fit` and `overshoot`, `nsp` and `sop`, `segments` and `sentences`, and for
negatives of another document and of the same one.
"""

from __future__ import annotations

from dataclasses import dataclass

Lengths = list[list[int]]
"""Tokens of each sentence of each document."""


@dataclass(frozen=True)
class Settings:
    objective: str
    unit: str
    fill: str
    max_tokens: int
    short_seq_prob: float
    random_next_prob: float
    same_document: bool = False


@dataclass
class Pair:
    document_a: int
    document_b: int
    a: list[int]
    b: list[int]
    label: int
    forced: bool = False
    only_next: bool = False


def below(draw: int, bound: int) -> int:
    """A draw from 0 to 2**32 - 1 as a number below the bound."""
    return draw * bound // 2**32


def chunk_size(document: list[int], start: int, target: int, settings: Settings) -> int:
    """How many sentences are gathered from `start` on."""
    rest, most, fit = document[start:], settings.max_tokens, settings.fill == "fit"
    if settings.unit == "sentences":
        return min(2, len(rest))
    size = 1
    while size < len(rest) and sum(rest[:size]) < target and not (fit and sum(rest[: size + 1]) > most):
        size += 1
    if fit and len(rest) == size + 1:  # the last sentence would be alone
        if sum(rest) <= most:
            size += 1
        elif size > 2:
            size -= 1
    if settings.objective == "sop":
        size = max(size, min(2, len(rest)))
    return size


def random_b(
    documents: Lengths, pair: Pair, draws: list[int], target: int, settings: Settings
) -> tuple[int, list[int], list[int]]:
    """The other document, A as it stays, and B."""
    other = below(draws[4], len(documents) - 1)
    other += other >= pair.document_a
    document, own, most = documents[other], documents[pair.document_a], settings.max_tokens
    a = pair.a
    wanted = sum(own[s] for s in pair.b)
    starts = len(document)
    if settings.fill == "fit" and settings.unit == "segments":  # B starts where enough of its document is left
        starts = max(1, sum(sum(document[s:]) >= wanted for s in range(len(document))))
    start = below(draws[5], starts)
    total = sum(own[s] for s in a) + wanted if wanted else target
    if settings.fill == "fit":
        while True:
            tried = [(start + step) % len(document) for step in range(min(64, len(document)))]
            fitting = [s for s in tried if document[s] + sum(own[s] for s in a) <= most]
            if fitting or len(a) == 1:
                break
            a = a[:-1]
        start = fitting[0] if fitting else start
    length_a = sum(own[s] for s in a)
    b = [start]
    while settings.unit == "segments" and b[-1] + 1 < len(document):
        held = sum(document[s] for s in b)
        more = held + document[b[-1] + 1]
        if settings.fill == "overshoot" and held >= target - length_a:
            break
        if settings.fill == "fit":
            wanted = total - length_a
            if more > most - length_a or abs(more - wanted) > abs(held - wanted):
                break
        b.append(b[-1] + 1)
    return other, a, b


def elsewhere(document: list[int], a: list[int]) -> list[int]:
    """The sentences of a document that are neither in A nor next to it."""
    return [s for s in range(len(document)) if s < a[0] - 1 or s > a[-1] + 1]


def distant_b(document: list[int], pair: Pair, draw: int, target: int, settings: Settings) -> None:
    """Replaces B by a run of sentences of A's document that is not adjacent to A, which may become shorter."""
    most, fit, single = settings.max_tokens, settings.fill == "fit", settings.unit == "sentences"

    def tokens(sentences: list[int]) -> int:
        return sum(document[s] for s in sentences)

    wanted = tokens(pair.b) if fit and not single else 0
    total = tokens(pair.a) + wanted if wanted else target
    while not elsewhere(document, pair.a):
        pair.a = pair.a[:-1]
    candidates = elsewhere(document, pair.a)
    before, after = ([s for s in candidates if s < pair.a[0]], [s for s in candidates if s > pair.a[0]])
    ranges = [part for part in (before, after) if part]
    starts = [s for part in ranges for s in part if tokens(part[part.index(s) :]) >= wanted]
    longer = before if tokens(before) > tokens(after) else after
    start = starts[below(draw, len(starts))] if starts else longer[0]
    if fit:
        a = pair.a
        while True:
            candidates = elsewhere(document, a)
            place = candidates.index(start)
            tried = (candidates[place:] + candidates[:place])[:64]
            fitting = [s for s in tried if document[s] + tokens(a) <= most]
            if fitting or len(a) == 1:
                break
            a = a[:-1]
        pair.a, start = a, (fitting[0] if fitting else start)
    last = pair.a[0] - 2 if start < pair.a[0] else len(document) - 1
    pair.b = [start]
    while not single and pair.b[-1] < last:
        held, more = tokens(pair.b), tokens([*pair.b, pair.b[-1] + 1])
        left = total - tokens(pair.a) if fit else target - tokens(pair.a)
        if not fit and held >= left:
            break
        if fit and (more > most - tokens(pair.a) or abs(more - left) > abs(held - left)):
            break
        pair.b.append(pair.b[-1] + 1)


def one_pass(
    documents: Lengths, draws: list[list[int]], settings: Settings, chance: float, free_rate: float
) -> tuple[list[Pair], int]:
    """The pairs of all documents, and how many sentences found no partner."""
    pairs: list[Pair] = []
    unpaired, before, total = 0, 0, sum(map(len, documents))
    for index, document in enumerate(documents):
        start = 0
        while start < len(document):
            draw = draws[before + start]
            target = settings.max_tokens
            if draw[0] < int(settings.short_seq_prob * 2**32):
                target = 2 + below(draw[1], settings.max_tokens - 1)
            size = chunk_size(document, start, target, settings)
            only_next = settings.same_document and not elsewhere(document, [start])
            if only_next:
                size = max(size, min(2, len(document) - start))
            alone = size == 1
            if alone and (settings.objective == "sop" or only_next or (settings.unit == "sentences" and start > 0)):
                unpaired += not (settings.unit == "sentences" and start > 0)
                start += 1
                continue
            to_come = max(1.0, free_rate * (total - before - start))
            negatives = sum(pair.label for pair in pairs)
            steered = chance + (settings.random_next_prob * len(pairs) - negatives) / to_come
            label = int(alone or (not only_next and draw[3] < steered * 2**32))
            middle = start + 1 + below(draw[2], size - 1)
            pair = Pair(
                index, index, list(range(start, middle)), list(range(middle, start + size)), label, forced=alone
            )
            pair.only_next = only_next
            stop = start + size
            if label and settings.objective == "sop":
                pair.a, pair.b = pair.b, pair.a
            elif label and settings.same_document:
                distant_b(document, pair, draw[5], target, settings)
                stop = pair.a[-1] + 1
            elif label:
                pair.document_b, pair.a, pair.b = random_b(documents, pair, draw, target, settings)
                stop = pair.a[-1] + 1
            pairs.append(pair)
            start = start + 1 if settings.unit == "sentences" else stop
        before += len(document)
    return pairs, unpaired


def make_pairs(documents: Lengths, draws: list[list[int]], settings: Settings) -> tuple[list[Pair], int]:
    """The pairs: a first pass counts the forced negatives, the second adjusts the share of the others."""
    pairs, _ = one_pass(documents, draws, settings, settings.random_next_prob, float("inf"))
    forced = sum(pair.forced for pair in pairs)
    free = max(1, len(pairs) - forced - sum(pair.only_next for pair in pairs))
    chance = min(1.0, max(0.0, (settings.random_next_prob * len(pairs) - forced) / free))
    return one_pass(documents, draws, settings, chance, free / max(1, sum(map(len, documents))))


def truncated(length_a: int, length_b: int, max_tokens: int) -> tuple[int, int]:
    """The lengths of A and B after one token at a time was removed from the longer (from B if they are equal)."""
    while length_a + length_b > max_tokens:
        if length_a > length_b:
            length_a -= 1
        else:
            length_b -= 1
    return length_a, length_b
