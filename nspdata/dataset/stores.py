"""The store of a dataset directory, from its path or URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.dataset.cache import Cache
from nspdata.dataset.local import LocalStore
from nspdata.dataset.remote import RemoteStore

if TYPE_CHECKING:
    from nspdata.dataset.local import Store
    from nspdata.dataset.verification import Verify


def open_store(
    name: str, *, verify: Verify = "once", cache: Cache | None = None, storage_options: dict[str, Any] | None = None
) -> Store:
    """The store of a directory on this machine, or of a URL."""
    if name.startswith("file://"):
        name = name.removeprefix("file://")
    if "://" not in name:
        return LocalStore(name, verify=verify)
    return RemoteStore(name, cache=cache or Cache(), storage_options=storage_options, verify=verify)
