"""Fine-tunes a pretrained model to classify passages by kind, with `transformers.Trainer`.

    python examples/finetune_classification.py RUN/model DOCUMENTS.jsonl -o CLASSIFIER [--epochs 3]

DOCUMENTS holds `{"id", "text"}` lines; a document's kind is its id up to the first `/` or `-` (`inaugural/1849-Taylor` is of
the kind `inaugural`). Each document is cut into passages; a fifth of the documents of each kind is held out whole. Needs
`accelerate` in addition to `nspdata[train]`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from transformers import (
    AutoTokenizer,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
)

PASSAGE_WORDS = 60
HELD_OUT = 5
"""Each fifth document of a kind is held out."""


def make_task(documents: list[dict[str, str]]) -> tuple[list[str], list[tuple[str, int]], list[tuple[str, int]]]:
    """Passages with the index of their kind.

    Returns:
        Names of the kinds, passages to train on, passages held out.
    """
    kinds: dict[str, list[str]] = {}
    for document in documents:
        kinds.setdefault(re.split("[/-]", document["id"])[0], []).append(document["text"])
    names = sorted(kind for kind, texts in kinds.items() if len(texts) >= HELD_OUT)
    train, held_out = [], []
    for label, name in enumerate(names):
        for number, text in enumerate(kinds[name]):
            words = text.split()
            passages = [" ".join(words[i : i + PASSAGE_WORDS]) for i in range(0, len(words), PASSAGE_WORDS)]
            (held_out if number % HELD_OUT == 0 else train).extend((passage, label) for passage in passages)
    return names, train, held_out


def fine_tune(model_directory: Path, documents: list[dict[str, str]], output: Path, *, epochs: float) -> dict[str, Any]:
    """Fine-tunes, saves the classifier, and prints its accuracy and that of guessing the most frequent kind."""
    names, train, held_out = make_task(documents)
    tokenizer = AutoTokenizer.from_pretrained(model_directory)
    model = BertForSequenceClassification.from_pretrained(
        model_directory,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={n: i for i, n in enumerate(names)},
    )

    def encoded(rows: list[tuple[str, int]]) -> list[dict[str, Any]]:
        return [tokenizer(text, truncation=True, max_length=128) | {"labels": label} for text, label in rows]

    trainer = Trainer(
        model,
        TrainingArguments(
            str(output), num_train_epochs=epochs, learning_rate=3e-4 if model.config.hidden_size < 512 else 3e-5, warmup_steps=20,
            per_device_train_batch_size=32, per_device_eval_batch_size=64, save_strategy="no", report_to=[], disable_tqdm=True,
            dataloader_pin_memory=False, seed=1,
        ),
        train_dataset=encoded(train),
        eval_dataset=encoded(held_out),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=accuracy,
    )  # fmt: skip
    trainer.train()
    trainer.save_model(str(output))
    tokenizer.save_pretrained(output)
    commonest = Counter(label for _, label in held_out).most_common(1)[0][1] / len(held_out)
    told = trainer.evaluate()
    return {"kinds": names, "accuracy": told["eval_accuracy"], "commonest": commonest, "held_out": len(held_out)}


def accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """The share of passages that are classified correctly."""
    return {"accuracy": float(np.mean(prediction.predictions.argmax(-1) == prediction.label_ids))}


def main() -> None:
    """Reads the command line and fine-tunes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("documents", type=Path)
    options.add_argument("-o", "--output", type=Path, required=True)
    options.add_argument("--epochs", type=float, default=3)
    given = options.parse_args()
    documents = [json.loads(line) for line in given.documents.read_text(encoding="utf-8").splitlines()]
    told = fine_tune(given.model, documents, given.output, epochs=given.epochs)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
