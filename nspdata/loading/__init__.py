"""Shards into any training loop: an order that depends only on the seed, exact resume, dynamic masks, packing; numpy and pyarrow only."""

from nspdata.dataset.cache import Cache
from nspdata.loading.collate import collate, collate_flat, collate_packed
from nspdata.loading.loader import Loader
from nspdata.loading.mixture import Mixture
from nspdata.loading.order import EpochPlan, Places, Shuffle, plan_epoch
from nspdata.loading.steps import Mark

__all__ = [
    "Cache",
    "EpochPlan",
    "Loader",
    "Mark",
    "Mixture",
    "Places",
    "Shuffle",
    "collate",
    "collate_flat",
    "collate_packed",
    "plan_epoch",
]
