"""Where a dataset directory is, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.dataset.directory import LocalStore, open_directory
from nspdata.errors import ConfigError
from nspdata.loading.remote import Cache, RemoteStore

if TYPE_CHECKING:
    from nspdata.dataset.directory import Split, Store


def open_store(name: str, *, verify: bool, cache: Cache | None, storage_options: dict[str, Any] | None) -> Store:
    """The store of a directory on this machine, or of a URL."""
    if name.startswith("file://"):
        name = name.removeprefix("file://")
    if "://" not in name:
        return LocalStore(name, verify=verify)
    return RemoteStore(name, cache=cache or Cache(), storage_options=storage_options, verify=verify)


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
