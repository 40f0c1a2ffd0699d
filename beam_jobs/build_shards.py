"""The shards of BERT pretraining data, on any Beam runner.

```
python -m beam_jobs.build_shards --input 'gs://corpus/*.jsonl' --output gs://bucket/data --tokenizer vocab.txt \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
```
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from beam_jobs.options import TOKENIZER, job_parser
from nspdata.boundary import run_program
from nspdata.config.build import load_config

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and Beam's."""
    parser = job_parser(__doc__, output="the dataset directory to write")
    parser.add_argument("--tokenizer", required=True, help=TOKENIZER)
    parser.add_argument("--overwrite", action="store_true", help="replace another build in the output")
    return parser.parse_known_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Options, settings, pipeline."""
    from nspdata.building.prepare import prepare
    from nspdata.files.any import Places
    from nspdata.files.options import configure
    from nspdata.pipelines.run import run_build

    own, beam_options = parse(sys.argv[1:] if arguments is None else arguments)
    configure(beam_options)
    config = load_config(own.config, own.set, {})
    local = not any(option.startswith("--runner") for option in beam_options)
    prepared = prepare(own.input, own.output, own.tokenizer, config, Places(), overwrite=own.overwrite, local=local)
    run_build(prepared, beam_options)


if __name__ == "__main__":
    run_program(main, program="build_shards", advice="the same command resumes the build")
