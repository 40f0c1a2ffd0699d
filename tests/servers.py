"""Object stores on this machine, each with one bucket `corpus`: moto's S3, and the Google Cloud Storage emulator of PyPI."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import Request, urlopen

import pytest

from nspdata.files.any import AnyFiles


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running store.

    Attributes:
        url: of the bucket.
        endpoint: host and port as a URL.
        environment: the variables that every tool of this store reads.
        options: the same as Beam's options.
    """

    url: str
    endpoint: str
    environment: dict[str, str]
    options: list[str]

    def files(self, directory: str = "") -> dict[str, bytes]:
        """The content of every object below a directory of the bucket, by its path there."""
        root = f"{self.url}/{directory}".rstrip("/")
        return {path.removeprefix(f"{root}/"): self.read(path) for path, _ in AnyFiles().match(root)}

    def read(self, url: str) -> bytes:
        """The content of an object."""
        with AnyFiles().open(url) as stream:
            return stream.read()

    def write(self, path: str, data: bytes) -> str:
        """Writes an object; returns its URL."""
        AnyFiles().write(f"{self.url}/{path}", data)
        return f"{self.url}/{path}"


def free_port() -> int:
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def variables(changed: dict[str, str]) -> Iterator[None]:
    """Sets environment variables for the time of the block; all others of the stores are taken away."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("AWS_", "GOOGLE_", "STORAGE_EMULATOR")):
            del os.environ[name]
    os.environ.update(changed)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def s3_server() -> Iterator[Server]:
    """moto's S3."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }
    options = [
        "--s3_access_key_id=key",
        "--s3_secret_access_key=secret",
        "--s3_region_name=us-east-1",
        f"--s3_endpoint_url={endpoint}",
    ]
    try:
        with variables(environment):
            import boto3

            reset = Request(f"{endpoint}/moto-api/reset", method="POST")  # what it holds outlives a server of moto
            urlopen(reset).close()
            client = boto3.client("s3")
            client.create_bucket(Bucket="corpus")
            client.close()
            yield Server(url="s3://corpus", endpoint=endpoint, environment=environment, options=options)
    finally:
        server.stop()


@contextlib.contextmanager
def gs_server() -> Iterator[Server]:
    """The emulator of Google Cloud Storage."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="corpus")
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    environment = {"STORAGE_EMULATOR_HOST": endpoint}
    try:
        with variables(environment):
            yield Server(url="gs://corpus", endpoint=endpoint, environment=environment, options=["--no_auth"])
    finally:
        server.stop()


SERVERS = {"s3": s3_server, "gs": gs_server}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each store in turn, empty but for the bucket."""
    pytest.importorskip("moto")
    pytest.importorskip("gcp_storage_emulator")
    forget_clients()
    with SERVERS[request.param]() as running:
        yield running
    forget_clients()


def forget_clients() -> None:
    """Drops the clients and the options that are kept for a process: theirs is the server of an earlier test."""
    from fsspec import AbstractFileSystem

    from nspdata.files.any import remote_files
    from nspdata.files.options import configure

    configure([])
    remote_files.cache_clear()
    for kind in (AbstractFileSystem, *all_subclasses(AbstractFileSystem)):
        kind.clear_instance_cache()


def all_subclasses(kind: type) -> Iterator[type]:
    """The subclasses of a class, and theirs."""
    for subclass in kind.__subclasses__():
        yield subclass
        yield from all_subclasses(subclass)
