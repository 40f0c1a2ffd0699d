"""A simple implementation for comparison: spaCy `nlp.pipe`, `encode_batch`, and a Python loop over sentences.

python benchmarks/plain_way.py CORPUS.jsonl VOCAB OUT
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import spacy
from tokenizers import BertWordPieceTokenizer

MAX_SEQ_LENGTH, MASKED_LM_PROB = 128, 0.15


def sentences_of(texts: list[str], tokenizer: BertWordPieceTokenizer) -> list[list[list[int]]]:
    """The ids of every sentence of every document."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    documents = []
    for document in nlp.pipe(texts, batch_size=64):
        encoded = tokenizer.encode_batch([span.text for span in document.sents], add_special_tokens=False)
        documents.append([sentence.ids for sentence in encoded if sentence.ids])
    return [document for document in documents if document]


def rows_of(documents: list[list[list[int]]], rng: random.Random) -> list[tuple[list[int], list[int], int]]:
    """Google's create_instances_from_document, over ids."""
    rows = []
    for index, document in enumerate(documents):
        chunk: list[list[int]] = []
        length, i = 0, 0
        target = MAX_SEQ_LENGTH - 3
        while i < len(document):
            chunk.append(document[i])
            length += len(document[i])
            if i == len(document) - 1 or length >= target:
                end = rng.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
                a = [token for sentence in chunk[:end] for token in sentence]
                b: list[int] = []
                label = int(len(chunk) == 1 or rng.random() < 0.5)
                if label:
                    other = documents[(index + rng.randint(1, max(1, len(documents) - 1))) % len(documents)]
                    for sentence in other[rng.randint(0, len(other) - 1) :]:
                        b += sentence
                        if len(b) >= target - len(a):
                            break
                    i -= len(chunk) - end
                else:
                    b = [token for sentence in chunk[end:] for token in sentence]
                while len(a) + len(b) > target:
                    longer = a if len(a) > len(b) else b
                    longer.pop(0 if rng.random() < 0.5 else -1)
                rows.append((a, b, label))
                chunk, length = [], 0
                target = rng.randint(2, MAX_SEQ_LENGTH - 3) if rng.random() < 0.1 else MAX_SEQ_LENGTH - 3
            i += 1
    return rows


def masked(a: list[int], b: list[int], rng: random.Random, special: dict[str, int], size: int) -> dict[str, object]:
    """One row with its masks."""
    tokens = [special["[CLS]"], *a, special["[SEP]"], *b, special["[SEP]"]]
    candidates = [i for i in range(1, len(tokens) - 1) if i != len(a) + 1]
    rng.shuffle(candidates)
    positions = sorted(candidates[: min(20, max(1, round(len(tokens) * MASKED_LM_PROB)))])
    labels = [tokens[position] for position in positions]
    for position in positions:
        draw = rng.random()
        if draw < 0.8:
            tokens[position] = special["[MASK]"]
        elif draw < 0.9:
            tokens[position] = rng.randrange(size)
    types = [0] * (len(a) + 2) + [1] * (len(b) + 1)
    return {"input_ids": tokens, "token_type_ids": types, "masked_lm_positions": positions, "masked_lm_labels": labels}


def main(corpus: str, vocabulary: str, output: str) -> None:
    """Reads, splits, encodes, pairs, masks, writes."""
    rng = random.Random(12345)  # noqa: S311 - the plain way has a global order
    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=True)
    special = {token: tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]", "[MASK]")}
    with Path(corpus).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    rows = rows_of(sentences_of(texts, tokenizer), rng)
    table = pa.Table.from_pylist(
        [
            {**masked(a, b, rng, special, tokenizer.get_vocab_size()), "next_sentence_label": label}
            for a, b, label in rows
        ]
    )
    with pa.OSFile(output, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    main(*sys.argv[1:4])
