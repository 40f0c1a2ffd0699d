"""Fine-tunes a pretrained model to find answers in a text (extractive question answering), with `transformers.Trainer`.

    python examples/finetune_question_answering.py RUN/model DOCUMENTS.jsonl[.gz] -o READER [--epochs 3] [--questions 4000]

The task is made from `{"id", "text"}` documents: of passages that hold one number and one remark in parentheses, one of the
two is asked for, so the question must be read. A fifth of the documents is held out. Needs `accelerate` in addition to `nspdata[train]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from transformers import AutoTokenizer, BertForQuestionAnswering, EvalPrediction, Trainer, TrainingArguments

QUESTIONS = {
    "Which number does the text give?": r"(?<![\d.,])\d+(?![\d.,])",
    "What is in parentheses?": r"(?<=\()[^()]{3,40}(?=\))",
}
PASSAGE_CHARACTERS = 300
MAX_TOKENS = 128
HELD_OUT = 5
"""Each fifth document is held out."""


class Question(NamedTuple):
    """A question on a passage; the answer is `passage[start:end]`."""

    question: str
    passage: str
    start: int
    end: int


def make_task(documents: list[dict[str, str]], limit: int) -> tuple[list[Question], list[Question]]:
    """Questions to train on, and questions of other documents to be asked."""
    train: list[Question] = []
    held_out: list[Question] = []
    for number, document in enumerate(documents):
        text = document["text"]
        for begin in range(0, len(text), PASSAGE_CHARACTERS // 2):
            passage = text[begin : begin + PASSAGE_CHARACTERS]
            found = {question: list(re.finditer(pattern, passage)) for question, pattern in QUESTIONS.items()}
            if any(len(matches) != 1 for matches in found.values()):
                continue
            asked = list(QUESTIONS)[(number + 2 * begin // PASSAGE_CHARACTERS) % len(QUESTIONS)]
            span = found[asked][0].span()
            (train if number % HELD_OUT else held_out).append(Question(asked, passage, *span))
    return train[:limit], held_out[: limit // 4]


def encode(tokenizer: Any, rows: list[Question]) -> list[dict[str, Any]]:
    """Rows for `BertForQuestionAnswering`; if the answer is cut off, both positions are 0, those of [CLS]."""
    encoded = []
    for row in rows:
        one = tokenizer(
            row.question,
            row.passage,
            truncation="only_second",
            max_length=MAX_TOKENS,
            padding="max_length",
            return_offsets_mapping=True,
        )
        of_passage = one.sequence_ids(0)
        there = [
            token
            for token, (start, end) in enumerate(one.pop("offset_mapping"))
            if of_passage[token] == 1 and start < row.end and end > row.start
        ]
        first, last = (there[0], there[-1]) if there else (0, 0)
        encoded.append(one | {"start_positions": first, "end_positions": last})
    return encoded


def fine_tune(
    model_directory: Path, documents: list[dict[str, str]], output: Path, *, epochs: float, limit: int
) -> dict[str, Any]:
    """Fine-tunes, saves the reader, and prints the share of held-out questions whose span is exactly right."""
    train, held_out = make_task(documents, limit)
    tokenizer = AutoTokenizer.from_pretrained(model_directory)
    model = BertForQuestionAnswering.from_pretrained(model_directory)
    trainer = Trainer(
        model,
        TrainingArguments(
            str(output), num_train_epochs=epochs, learning_rate=1e-3 if model.config.hidden_size < 512 else 5e-5, warmup_steps=20,
            per_device_train_batch_size=32, per_device_eval_batch_size=64, save_strategy="no", report_to=[], disable_tqdm=True,
            dataloader_pin_memory=False, label_names=["start_positions", "end_positions"], seed=1,
        ),
        train_dataset=encode(tokenizer, train),
        eval_dataset=encode(tokenizer, held_out),
        compute_metrics=exact,
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(output))
    tokenizer.save_pretrained(output)
    return {"exact": trainer.evaluate()["eval_exact"], "trained": len(train), "held_out": len(held_out)}


def exact(prediction: EvalPrediction) -> dict[str, float]:
    """The share of answers whose first and last token are both right."""
    guessed = np.stack([logits.argmax(-1) for logits in prediction.predictions])
    return {"exact": float(np.mean((guessed == np.stack(prediction.label_ids)).all(0)))}


def main() -> None:
    """Reads the command line and fine-tunes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("documents", type=Path)
    options.add_argument("-o", "--output", type=Path, required=True)
    options.add_argument("--epochs", type=float, default=3)
    options.add_argument("--questions", type=int, default=4000, help="largest number of training questions")
    given = options.parse_args()
    opened = gzip.open if given.documents.suffix == ".gz" else open
    with opened(given.documents, "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in islice(lines, 40_000)]
    told = fine_tune(given.model, documents, given.output, epochs=given.epochs, limit=given.questions)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
