"""Objects at `s3://`, through boto3; the options have Beam's names, and the environment variables are those of other AWS tools."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nspdata.errors import ConfigError, InputError
from nspdata.files import options
from nspdata.files.local import FileInfo
from nspdata.files.objects import (
    CONNECTIONS,
    Clients,
    access_denied,
    missing_bucket,
    one_line,
    replaced_object,
    split_url,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ATTEMPTS, CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 6, 10, 60

WRONG_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}

CREDENTIALS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), or give --s3_access_key_id and "
    "--s3_secret_access_key after --"
)


class S3Store:
    """See `nspdata.files.objects.ObjectStore`. One client per process; it is thread-safe."""

    def __init__(self) -> None:
        self._clients = Clients(lambda: _client(attempts=ATTEMPTS))

    def stat(self, path: str) -> FileInfo | None:
        """See `ObjectStore.stat`."""
        bucket, key = split_url(path)
        if not key:
            return None
        client = self._reach(bucket, path)
        with _errors(path):
            try:
                found = client.head_object(Bucket=bucket, Key=key)
            except client.exceptions.ClientError as error:
                if _code(error) in {"404", "NoSuchKey", "NotFound"}:
                    return None
                raise
        return FileInfo(path, found["ContentLength"], found["ETag"].strip('"'))

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """See `ObjectStore.list`: 1,000 objects per request."""
        bucket, key = split_url(prefix)
        pages = self._reach(bucket, prefix).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        with _errors(prefix):
            for page in pages:
                for item in page.get("Contents", ()):
                    yield FileInfo(f"s3://{bucket}/{item['Key']}", item["Size"], item["ETag"].strip('"'))

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        """See `ObjectStore.read`."""
        bucket, key = split_url(info.path)
        client = self._reach(bucket, info.path)
        with _errors(info.path):
            found = client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=info.version)
            return bytes(found["Body"].read())

    def put(self, path: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        bucket, key = split_url(path)
        client = self._reach(bucket, path)
        with _errors(path):
            client.put_object(Bucket=bucket, Key=key, Body=data)

    def copy(self, source: str, target: str) -> None:
        """See `ObjectStore.copy`."""
        (bucket, key), (to_bucket, to_key) = split_url(source), split_url(target)
        with _errors(source):
            self._reach(bucket, source).copy({"Bucket": bucket, "Key": key}, to_bucket, to_key)

    def delete(self, paths: Sequence[str]) -> None:
        """See `ObjectStore.delete`: 1,000 objects per request."""
        for begin in range(0, len(paths), 1000):
            some = [split_url(path) for path in paths[begin : begin + 1000]]
            bucket = some[0][0]
            with _errors(paths[begin]):
                self._reach(bucket, paths[begin]).delete_objects(
                    Bucket=bucket, Delete={"Objects": [{"Key": key} for _, key in some], "Quiet": True}
                )

    def _reach(self, bucket: str, path: str) -> Any:
        """Returns the client; the first use of a bucket makes a test request, with fewer retries than later requests."""
        return self._clients.reach(bucket, lambda _: self._check(bucket, path))

    @staticmethod
    def _check(bucket: str, path: str) -> None:
        client = _client(attempts=2)
        with _errors(path):
            try:
                client.list_objects_v2(Bucket=bucket, MaxKeys=1)
            except client.exceptions.ClientError as error:
                if _code(error) not in {"AccessDenied", "403"}:  # listing may be forbidden, reading allowed
                    raise


def _client(*, attempts: int) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigError(f"s3:// needs the package {error.name}: pip install 'nspdata[aws]'") from error
    given = options.values()
    config = Config(
        retries={"max_attempts": attempts, "mode": "standard"},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=CONNECTIONS,
    )
    try:
        return boto3.session.Session().client(
            "s3",
            config=config,
            endpoint_url=given.get("s3_endpoint_url"),
            region_name=given.get("s3_region_name"),
            api_version=given.get("s3_api_version"),
            use_ssl=not given.get("s3_disable_ssl"),
            verify=given.get("s3_verify"),
            aws_access_key_id=given.get("s3_access_key_id"),
            aws_secret_access_key=given.get("s3_secret_access_key"),
            aws_session_token=given.get("s3_session_token"),
        )
    except Exception as error:
        raise ConfigError(f"s3:// cannot be used ({one_line(error)}); check AWS_* and the --s3_ options") from error


@contextmanager
def _errors(path: str) -> Iterator[None]:
    """Converts boto3's errors to those of nspdata: one line with the path and what to set."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        code = _code(error)
        if code == "NoSuchBucket":
            raise missing_bucket(path) from error
        if code in {"404", "NoSuchKey", "NotFound"}:
            raise FileNotFoundError(2, "no such object", path) from error
        if code in {"412", "PreconditionFailed"}:
            raise replaced_object(path) from error
        if code in WRONG_KEYS:
            raise InputError(f"{path}: the credentials are wrong ({code}); {CREDENTIALS}") from error
        if code in {"403", "AccessDenied"}:
            raise access_denied(path, CREDENTIALS) from error
        raise OSError(f"{path}: {one_line(error)}") from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise InputError(f"{path}: no credentials for s3://; {CREDENTIALS}") from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise InputError(
            f"{path}: the store cannot be reached ({one_line(error)}); check the network, or set AWS_ENDPOINT_URL "
            "(or --s3_endpoint_url after --)"
        ) from error
    except exceptions.BotoCoreError as error:
        raise InputError(f"{path}: {one_line(error)}; check AWS_* and the --s3_ options") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
