"""Shards for torch: the public names of `nspdata.loading.torch`."""

from nspdata.loading.torch import DataLoader, ShardDataset, block_diagonal

__all__ = ["DataLoader", "ShardDataset", "block_diagonal"]
