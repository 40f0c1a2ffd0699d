"""Small corpora and real builds of them: every function of a build but the engine that spreads them over machines."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path

from nspdata.building.encoders import encoder_of
from nspdata.building.finish import finish_build
from nspdata.building.prepare import prepare
from nspdata.building.results import Built
from nspdata.building.shard import check_rejected, finish_group
from nspdata.building.tokenize import ReadSummary, tokenize_unit
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict, read_settings
from nspdata.dataset.manifest import Manifest
from nspdata.files.local import LocalFiles

WORDS = [
    "river",
    "stone",
    "light",
    "morning",
    "paper",
    "winter",
    "garden",
    "letter",
    "window",
    "silver",
    "market",
    "engine",
    "harbour",
    "summer",
    "shadow",
    "captain",
    "meadow",
    "kitchen",
    "thunder",
    "village",
    "bridge",
]


def make_documents(count: int = 240, *, seed: int = 1) -> list[dict[str, str]]:
    """Documents of many shapes: one sentence or dozens, sentences of one word or longer than a row, and exact copies."""
    draw = random.Random(seed)
    documents = []
    for index in range(count):
        sentences = [_sentence(draw) for _ in range(draw.choice([1, 1, 2, 3, 8, 20, 40]))]
        if index % 16 == 0:
            sentences.insert(len(sentences) // 2, _sentence(draw, 90))
        breaks = [draw.choice([" ", " ", "\n", "\n\n"]) for _ in sentences]
        text = "".join(part for pair in zip(sentences, breaks, strict=True) for part in pair)
        documents.append({"id": f"document {index}", "text": text})
    copies = [{"id": f"copy of {document['id']}", "text": document["text"]} for document in documents[:6]]
    same_ids = [{"id": "document 7", "text": "The other text of one id. It has three sentences. Here is the last."}]
    return [*documents, *copies, *same_ids, {"id": "no token", "text": "\u200b"}]


def _sentence(draw: random.Random, num_words: int = 0) -> str:
    words = draw.choices(WORDS, k=num_words or draw.choice([1, 3, 7, 12, 18]))
    return " ".join(words).capitalize() + draw.choice(".!?")


def write_corpus(path: Path, documents: list[dict[str, str]] | None = None, *, broken: int = 2) -> Path:
    """The documents as JSON lines, and a few lines that are none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(document) for document in documents or make_documents()]
    lines[10:10] = ['{"id": "broken"'] * broken
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_vocabulary(path: Path, *, leave_out: int = 3) -> Path:
    """The words, some of them in pieces, so that a word is one token or several."""
    whole, torn = WORDS[leave_out:], WORDS[:leave_out]
    pieces = [piece for word in torn for piece in (word[:3], f"##{word[3:]}")]
    rest = ["the", "other", "text", "of", "one", "id", "it", "has", "three", "sentences", "here", "is", "last"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".!?", *whole, *pieces, *rest]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{token}\n" for token in dict.fromkeys(tokens)), encoding="utf-8")
    return path


def settings(*assignments: str) -> Config:
    """Settings as `--set` gives them, over those that suit a small corpus."""
    common = ("output.num_shards=2", "pairing.max_seq_length=48", "input.max_rejected=0.5", "tokenizer.max_unknown=1.0")
    return from_dict(Config, read_settings("", [*common, *assignments]))


def build(inputs: list[Path], output: Path, tokenizer: Path, config: Config) -> Manifest:
    """Builds a dataset in this process."""
    files = LocalFiles()
    prepared = prepare([str(path) for path in inputs], str(output), str(tokenizer), config, files, local=False)
    plan, summary, spills = prepared.plan, ReadSummary(), defaultdict(list)
    for unit in prepared.units:
        for value in tokenize_unit(plan, unit, files, encoder_of(plan)):
            if isinstance(value, ReadSummary):
                summary += value
            else:
                spills[value[0]].append(value[1])
    check_rejected(plan, summary)
    results = [finish_group(plan, group, spills[group], files) for group in range(len(plan.groups))]
    manifest = finish_build(plan, summary, Built.merged(results), files)
    files.delete(f"{output}/.build")
    return manifest
