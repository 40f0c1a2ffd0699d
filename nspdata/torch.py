"""Shards for torch: the public names of `nspdata.loading.torch` and `nspdata.loading.torch_collator`."""

from nspdata.loading.torch import Batch, DataLoader, ShardDataset, block_diagonal
from nspdata.loading.torch_collator import Collator, collator

__all__ = ["Batch", "Collator", "DataLoader", "ShardDataset", "block_diagonal", "collator"]
