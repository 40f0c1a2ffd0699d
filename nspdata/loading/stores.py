"""Opens datasets that are loaded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.dataset.directory import open_directory
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from nspdata.dataset.directory import Split
    from nspdata.dataset.local import Store


def open_datasets(stores: list[Store], split: str) -> list[Split]:
    """Opens the datasets that are loaded together.

    Raises:
        ConfigError: they are not of one tokenizer, or have no rows.
    """
    datasets = [open_directory(store).split(split) for store in stores]
    first = datasets[0]
    for dataset in datasets:
        if dataset.metadata.tokenizer_sha256 != first.metadata.tokenizer_sha256:
            raise ConfigError(
                f"{dataset.name} was built with another tokenizer ({dataset.metadata.tokenizer_sha256[:12]}...) than {first.name} "
                f"({first.metadata.tokenizer_sha256[:12]}...); datasets that are mixed need one tokenizer"
            )
        if dataset.metadata.objective != first.metadata.objective:
            raise ConfigError(
                f"{dataset.name} was built with pairing.objective={dataset.metadata.objective}, {first.name} with "
                f"{first.metadata.objective}; datasets that are mixed need one objective"
            )
        if not sum(dataset.shard_rows):
            raise ConfigError(f"{dataset.name}: no rows in split {split!r}; there is nothing to load")
    return datasets
