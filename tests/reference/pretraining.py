"""The procedure of BERT's pretraining data, read plainly: lists, one token at a time, one row at a time.

After Devlin et al. 2019 and Google's `create_pretraining_data.py`. It leaves the script in two things, as nspdata does: the other
document is never the same one, and the target length can be drawn again for each row (the script draws it once a document).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Sentence = list[int]
Document = list[Sentence]


@dataclass
class Instance:
    a: list[int]
    b: list[int]
    label: int
    document_a: int
    document_b: int
    sentence_a: int
    sentence_b: int
    cut_front: int = 0
    cut_back: int = 0
    forced: bool = False


def create_instances(
    documents: list[Document],
    rng: np.random.Generator,
    *,
    max_tokens: int,
    short_seq_prob: float,
    random_next_prob: float = 0.5,
    target_per_row: bool = True,
) -> list[Instance]:
    instances = []

    def new_target() -> int:
        return int(rng.integers(2, max_tokens + 1)) if rng.random() < short_seq_prob else max_tokens

    for index, document in enumerate(documents):
        target = new_target()
        chunk: list[int] = []
        i = 0
        while i < len(document):
            chunk.append(i)
            if i == len(document) - 1 or sum(len(document[s]) for s in chunk) >= target:
                a_end = int(rng.integers(1, len(chunk))) if len(chunk) >= 2 else 1
                a = [token for s in chunk[:a_end] for token in document[s]]
                forced = len(chunk) == 1
                if forced or rng.random() < random_next_prob:
                    other = int(rng.integers(len(documents) - 1))
                    other += other >= index
                    start = int(rng.integers(len(documents[other])))
                    b: list[int] = []
                    for sentence in documents[other][start:]:
                        b += sentence
                        if len(b) >= target - len(a):
                            break
                    i -= len(chunk) - a_end
                    instance = Instance(a, b, 1, index, other, chunk[0], start, forced=forced)
                else:
                    b = [token for s in chunk[a_end:] for token in document[s]]
                    instance = Instance(a, b, 0, index, index, chunk[0], chunk[a_end])
                truncate(instance, max_tokens, rng)
                instances.append(instance)
                chunk = []
                if target_per_row:
                    target = new_target()
            i += 1
    return instances


def truncate(instance: Instance, max_tokens: int, rng: np.random.Generator) -> None:
    while len(instance.a) + len(instance.b) > max_tokens:
        longer = instance.a if len(instance.a) > len(instance.b) else instance.b
        if rng.random() < 0.5:
            del longer[0]
            instance.cut_front += 1
        else:
            longer.pop()
            instance.cut_back += 1


def choose_positions(
    tokens: list[int], specials: set[int], rng: np.random.Generator, *, masked_lm_prob: float, max_predictions: int
) -> list[int]:
    candidates = [position for position, token in enumerate(tokens) if token not in specials]
    rng.shuffle(candidates)
    wanted = min(max_predictions, max(1, round(len(tokens) * masked_lm_prob)))
    return sorted(candidates[:wanted])


def replacement(token: int, mask_id: int, ordinary: list[int], rng: np.random.Generator) -> int:
    if rng.random() < 0.8:
        return mask_id
    return token if rng.random() < 0.5 else ordinary[int(rng.integers(len(ordinary)))]


def full_sentences(document: Document, *, max_tokens: int) -> list[tuple[int, list[int]]]:
    """RoBERTa's DOC-SENTENCES: as many whole sentences per row as fit; a longer sentence is cut into rows."""
    rows = []
    i = 0
    while i < len(document):
        tokens, first = list(document[i]), i
        i += 1
        while i < len(document) and len(tokens) + len(document[i]) <= max_tokens:
            tokens += document[i]
            i += 1
        rows += [(first, tokens[start : start + max_tokens]) for start in range(0, len(tokens), max_tokens)]
    return rows
