"""A WordPiece vocabulary from a corpus, on any Beam runner: one worker, near the data, reads a sample of it and trains.

```
python -m beam_jobs.train_tokenizer --input 'gs://corpus/*.jsonl' --output gs://bucket/tokenizer --set tokenizer.vocab_size=30522 \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
```
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from beam_jobs.options import job_parser
from nspdata.boundary import run_program
from nspdata.config.build import load_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and Beam's."""
    return job_parser(__doc__, output="the tokenizer's directory to write").parse_known_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Options, settings, pipeline."""
    from nspdata.files.options import configure
    from nspdata.pipelines.run import run_pipeline
    from nspdata.pipelines.tokenizer import tokenizer_pipeline

    own, beam_options = parse(sys.argv[1:] if arguments is None else arguments)
    configure(beam_options)
    config = load_config(own.config, own.set, {})
    run_pipeline(lambda pipeline: tokenizer_pipeline(pipeline, own.input, own.output, config), beam_options)


if __name__ == "__main__":
    run_program(main, program="train_tokenizer", advice="run the same command again")
