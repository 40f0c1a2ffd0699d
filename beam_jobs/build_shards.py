"""Builds shards of BERT pretraining data on any Beam runner.

```
python -m beam_jobs.build_shards --input 'gs://corpus/*.jsonl' --output gs://bucket/data --tokenizer vocab.txt \
    --runner DataflowRunner --project P --region R --temp_location gs://bucket/tmp --sdk_container_image IMAGE
```

The options are those of `nspdata build`, with `--input` for its arguments; unknown options are passed to Beam.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from beam_jobs.options import run_command
from nspdata.boundary import run_program

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `nspdata build`."""
    run_command("build", "build_shards", sys.argv[1:] if arguments is None else arguments, about=__doc__)


if __name__ == "__main__":
    run_program(main, program="build_shards", advice="the same command resumes the build")
