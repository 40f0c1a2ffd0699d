"""Objects at `gs://`, through Google's client; the options have Beam's names."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError, InputError
from nspdata.files import options
from nspdata.files.local import FileInfo
from nspdata.files.objects import (
    CONNECTIONS,
    THREADS,
    Clients,
    access_denied,
    missing_bucket,
    one_line,
    replaced_object,
    split_url,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CREDENTIALS = (
    "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or, for public data, "
    "give --no_auth after --"
)

EMULATOR = "STORAGE_EMULATOR_HOST"

TIMEOUT_S = 60


class GcsStore:
    """See `nspdata.files.objects.ObjectStore`. One client per process."""

    def __init__(self) -> None:
        self._clients = Clients(_client)

    def stat(self, path: str) -> FileInfo | None:
        """See `ObjectStore.stat`."""
        bucket, key = split_url(path)
        if not key:
            return None
        handle = self._bucket(bucket, path)
        with _errors(path):
            found = handle.get_blob(key, timeout=TIMEOUT_S)
        return None if found is None else FileInfo(path, int(found.size), str(found.generation or found.etag))

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """See `ObjectStore.list`."""
        bucket, key = split_url(prefix)
        handle = self._bucket(bucket, prefix)
        with _errors(prefix):
            for blob in handle.list_blobs(prefix=key, timeout=TIMEOUT_S):
                yield FileInfo(f"gs://{bucket}/{blob.name}", int(blob.size), str(blob.generation or blob.etag))

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        """See `ObjectStore.read`."""
        bucket, key = split_url(info.path)
        handle = self._bucket(bucket, info.path)
        generation = int(info.version) if info.version.isdecimal() and EMULATOR not in os.environ else None
        with _errors(info.path):
            blob = handle.blob(key)
            return bytes(
                blob.download_as_bytes(
                    start=start, end=end - 1, timeout=TIMEOUT_S, if_generation_match=generation, checksum=None
                )
            )

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        bucket, key = split_url(path)
        handle = self._bucket(bucket, path)
        with _errors(path):
            handle.blob(key).upload_from_string(data, "application/octet-stream", timeout=TIMEOUT_S)

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore.copy`."""
        (bucket, key), (to_bucket, to_key) = split_url(source), split_url(target)
        handle, destination = self._bucket(bucket, source), self._bucket(to_bucket, target)
        with _errors(source):
            handle.copy_blob(handle.blob(key), destination, to_key, timeout=TIMEOUT_S)

    def delete(self, paths: Sequence[str]) -> None:
        """See `ObjectStore.delete`."""
        bucket, _ = split_url(paths[0])
        handle = self._bucket(bucket, paths[0])

        def delete(path: str) -> None:
            with _errors(path):
                handle.delete_blobs([split_url(path)[1]], on_error=lambda _: None, timeout=TIMEOUT_S)

        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(delete, paths):
                pass

    def _bucket(self, name: str, path: str) -> Any:
        """Returns the bucket; the first use makes a test request, with fewer retries than later requests."""

        def check(client: Any) -> None:
            from google.api_core.exceptions import Forbidden

            with _errors(path):
                try:
                    list(client.list_blobs(name, max_results=1, retry=None, timeout=10))
                except Forbidden:  # objects may be readable without the permission to list
                    if client.project is None:
                        raise

        return self._clients.reach(name, check).bucket(name)


def _client() -> Any:
    from requests.adapters import HTTPAdapter

    client = _new_client()
    client._http.mount("https://", HTTPAdapter(pool_maxsize=CONNECTIONS))  # noqa: SLF001 - no other way, says Google's documentation
    client._http.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))  # noqa: SLF001 - for an emulator
    return client


def _new_client() -> Any:
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage
    except ImportError as error:
        raise ConfigError(f"gs:// needs the package {error.name}: pip install 'nspdata[gcp]'") from error
    given = options.values()
    if given.get("no_auth") or os.environ.get(EMULATOR):
        return storage.Client.create_anonymous_client()
    try:
        credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/devstorage.full_control"])
        if account := given.get("impersonate_service_account"):
            credentials = _impersonating(credentials, str(account))
    except GoogleAuthError as error:
        raise InputError(f"gs://: no credentials ({one_line(error)[:80]}...); {CREDENTIALS}") from error
    return storage.Client(project=given.get("project") or project or "none", credentials=credentials)


def _impersonating(credentials: Any, accounts: str) -> Any:
    from google.auth import impersonated_credentials

    *delegates, target = accounts.split(",")
    return impersonated_credentials.Credentials(
        source_credentials=credentials,
        target_principal=target,
        delegates=delegates,
        target_scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Converts Google's errors to those of nspdata: one line with the path and what to set."""
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import InvalidResponse

    try:
        yield
    except (exceptions.NotFound, InvalidResponse) as error:
        if isinstance(error, InvalidResponse) and error.response.status_code != 404:
            raise OSError(f"{path}: {one_line(error)}") from error
        missing = "/o/" not in one_line(error)
        if missing:
            raise missing_bucket(path) from error
        raise FileNotFoundError(2, "no such object", path) from error
    except exceptions.PreconditionFailed as error:
        raise replaced_object(path) from error
    except exceptions.Unauthorized as error:
        raise InputError(f"{path}: the credentials are missing or wrong; {CREDENTIALS}") from error
    except exceptions.Forbidden as error:
        raise access_denied(path, CREDENTIALS) from error
    except (requests.ConnectionError, TransportError, exceptions.RetryError) as error:
        raise InputError(
            f"{path}: the store cannot be reached ({one_line(error)[:100]}); check the network, or set {EMULATOR} for an emulator"
        ) from error
    except GoogleAuthError as error:
        raise InputError(f"{path}: the credentials are wrong ({one_line(error)[:100]}); {CREDENTIALS}") from error
    except exceptions.GoogleAPICallError as error:
        raise OSError(f"{path}: {one_line(error)}") from error
