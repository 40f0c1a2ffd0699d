"""An S3 server (moto) behind a proxy that fails in one request of three; for `soak.py load`.

python benchmarks/soak_server.py DATASET FAULTS.json

It prints its endpoint, and writes the number of requests by fault to FAULTS.json when it is terminated.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAULTS = ("error 503", "slow", "cut", "wrong bytes", "hangs")

SHARE = 0.33
"""Share of the requests for shards that fail; every second failure is a 503."""

draw = random.Random(1)  # noqa: S311 - not for secrets

counted: Counter[str] = Counter()


class Proxy(BaseHTTPRequestHandler):
    """Hands requests on, and spoils some answers."""

    protocol_version = "HTTP/1.1"
    port = 0

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Answers."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answers."""
        self._answer()

    def _answer(self) -> None:
        fault = ""
        if ".arrow" in self.path and draw.random() < SHARE:
            fault = FAULTS[0] if draw.random() < 0.5 else draw.choice(FAULTS[1:])
        counted[fault or "sound"] += 1
        if fault == "error 503":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "hangs":
            time.sleep(2)
            self.close_connection = True
            return
        if fault == "slow":
            time.sleep(draw.uniform(0.1, 1.0))
        self._hand_on(fault)

    def _hand_on(self, fault: str) -> None:
        store = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
        store.request(self.command, self.path, headers=headers)
        answer = store.getresponse()
        data = answer.read()
        if fault == "wrong bytes" and data:
            at = draw.randrange(len(data))
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in {"transfer-encoding", "connection", "server", "date"}:
                self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)
        if fault == "cut":
            self.close_connection = True
        store.close()


class Server(ThreadingHTTPServer):
    """Says nothing about clients that hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the signature of socketserver
        """Counts it."""
        counted["clients that hung up"] += 1


def upload(client: Any, dataset: Path) -> dict[str, bytes]:
    """Puts the dataset into the bucket; returns its shards."""
    shards = {}
    for path in sorted(dataset.rglob("*")):
        if path.is_file():
            key = f"data/{path.relative_to(dataset).as_posix()}"
            client.put_object(Bucket="corpus", Key=key, Body=path.read_bytes())
            if path.suffix == ".arrow":
                shards[key] = path.read_bytes()
    return shards


def change(client: Any, shards: dict[str, bytes]) -> None:
    """Replaces an object by another of its size for half a second, every ten seconds."""
    while True:
        time.sleep(10)
        key = draw.choice(sorted(shards))
        client.put_object(Bucket="corpus", Key=key, Body=shards[key][::-1])
        counted["objects changed"] += 1
        time.sleep(0.5)
        client.put_object(Bucket="corpus", Key=key, Body=shards[key])


def main() -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    store.start()
    host, Proxy.port = store.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys)
    client = boto3.client("s3", endpoint_url=f"http://{host}:{Proxy.port}")
    client.create_bucket(Bucket="corpus")
    shards = upload(client, Path(sys.argv[1]))
    proxy = Server(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    threading.Thread(target=change, args=(client, shards), daemon=True).start()
    print(f"http://127.0.0.1:{proxy.server_port}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    Path(sys.argv[2]).write_text(json.dumps(counted))
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
