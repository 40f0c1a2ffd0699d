"""`torchrun --nproc-per-node N -m nspdata.training OUT -o RUN ...`: the options of `nspdata train`, on every rank."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import record

from nspdata.config.parsing import read_text
from nspdata.config.train import load_train_config
from nspdata.errors import ConfigError, NspdataError
from nspdata.training.run import train


def parser() -> argparse.ArgumentParser:
    """The options of `nspdata train`."""
    options = argparse.ArgumentParser(prog="nspdata.training", description=__doc__)
    options.add_argument("dataset", metavar="OUT")
    options.add_argument("-o", "--output", metavar="RUN", type=Path, required=True)
    options.add_argument("--model", metavar="SIZE|HF_DIR")
    options.add_argument("--config", metavar="FILE", type=Path)
    options.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="assignments")
    options.add_argument("--steps", type=int)
    options.add_argument("--seed", type=int)
    options.add_argument("--extend-vocab", action="store_true", default=None)
    options.add_argument("--resume", action="store_true")
    return options


def main() -> None:
    """Trains; exit code 0, 1 = failed, 2 = bad usage or settings, 130 or 143 = stopped by Ctrl-C or SIGTERM with a checkpoint."""
    given = parser().parse_args()
    flags = {
        "model.source": given.model,
        "model.extend_vocab": given.extend_vocab,
        "steps": given.steps,
        "seed": given.seed,
    }
    try:
        config = load_train_config(read_text(given.config), given.assignments, flags)
        outcome = train(given.dataset, given.output, config, resume=given.resume)
    except NspdataError as error:
        print(f"nspdata.training: {error}", file=sys.stderr)  # noqa: T201 - the error message, one line
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    sys.exit(outcome.exit_code)


if __name__ == "__main__":
    record(main)()  # torchrun reports the error of the rank that failed first
