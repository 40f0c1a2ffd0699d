"""Trains a WordPiece vocabulary on any Beam runner: one worker, close to the data, reads a sample and trains.

```
python -m beam_jobs.train_tokenizer --input 'gs://corpus/*.jsonl' --output gs://bucket/tokenizer --set tokenizer.vocab_size=30522 \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
```

The options are those of `nspdata train-tokenizer`, with `--input` for its arguments; unknown options are passed to Beam.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from beam_jobs.options import run_command
from nspdata.boundary import run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `nspdata train-tokenizer`."""
    run_command("train-tokenizer", "train_tokenizer", sys.argv[1:] if arguments is None else arguments, about=__doc__)


if __name__ == "__main__":
    run_program(main, program="train_tokenizer", advice="run the same command again")
