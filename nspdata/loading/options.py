"""The options of a loader, checked when they are created."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from nspdata.config.build import MaskingConfig
    from nspdata.dataset.verification import Verify

Masking = Literal["static", "dynamic", "none"]
Layout = Literal["padded", "flat", "packed"]
Names = Literal["huggingface", "nvidia"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a `Loader`, except the location and the order of its data; `Loader` documents them."""

    split: str = "train"
    batch_size: int
    rank: int = 0
    world_size: int = 1
    masking: Masking = "static"
    masking_config: MaskingConfig | None = None
    padding: str = "longest"
    packing: bool = False
    layout: Layout = "padded"
    bins: int | tuple[int, ...] = 0
    names: Names = "huggingface"
    dtype: DTypeLike = np.int64
    drop_last: bool = False
    endless: bool = False
    shuffle: bool = True
    window_rows: int = 0
    verify: Verify = "once"
    trace: bool = False

    def __post_init__(self) -> None:
        for key, least in (("batch_size", 1), ("world_size", 1), ("rank", 0), ("window_rows", 0)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{key} must be a whole number of {least} or more, not {value!r}")
        if self.rank >= self.world_size:
            raise ConfigError(f"rank must be below world_size {self.world_size}, not {self.rank}; ranks count from 0")
        for key, known in (("masking", get_args(Masking)), ("layout", get_args(Layout)), ("names", get_args(Names))):
            if getattr(self, key) not in known:
                raise ConfigError(f"{key} must be one of {', '.join(map(repr, known))}, not {getattr(self, key)!r}")
        if np.dtype(self.dtype) not in (np.dtype(np.int64), np.dtype(np.int32)):
            raise ConfigError(f"dtype must be int64 or int32, not {np.dtype(self.dtype)}")
        self._check_together()

    def _check_together(self) -> None:
        if self.masking_config is not None and self.masking != "dynamic":
            raise ConfigError(f"masking_config is for masking='dynamic', and masking is {self.masking!r}")
        if self.packs and self.bins:
            raise ConfigError(
                f"packing leaves no padding for bins to save: take packing or bins={self.bins!r}, not both"
            )
        if self.names == "nvidia" and (self.packs or self.layout != "padded"):
            raise ConfigError(
                "names='nvidia' is for padded batches without packing; leave it out, or packing and layout"
            )

    @property
    def packs(self) -> bool:
        """Whether a sample consists of several rows."""
        return self.packing or self.layout == "packed"


def given_ranks(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """The rank and the number of ranks; warns if neither is given in one of several processes of a launcher.

    torchrun, accelerate and Lightning set WORLD_SIZE and RANK in the environment of each process that they start.
    """
    started = os.environ.get("WORLD_SIZE", "1")
    if rank is None and world_size is None and started.isdigit() and int(started) > 1:
        warnings.warn(
            f"the Loader has no rank, but WORLD_SIZE={started} in the environment: each of the {started} processes gets the same "
            f"rows; pass rank={os.environ.get('RANK', '...')} and world_size={started} (of torch.distributed), or world_size=1 if "
            "that is intended, or if accelerate.prepare divides the rows",
            stacklevel=3,
        )
    return rank or 0, 1 if world_size is None else world_size
