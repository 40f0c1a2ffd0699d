"""Servers on this machine: a directory over HTTP that returns configured faults, and moto's S3."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = ("error", "truncated", "short", "hangs", "altered", "no ranges")


class FaultyServer:
    """Serves a directory; `fault` says what goes wrong with a request, by its path and how often that was asked for before."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fault: Callable[[str, int], str] = lambda path, number: ""
        self.requests: Counter[str] = Counter()
        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[FaultyServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                server.answer(self)

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.lstrip("/")
        fault = self.fault(path, self.requests[path])
        self.requests[path] += 1
        file = self.directory / path
        if not file.is_file():
            request.send_error(404)
            return
        data, status = file.read_bytes(), 200
        wanted = request.headers.get("Range")
        if wanted and fault != "no ranges":
            start, end = wanted.removeprefix("bytes=").split("-")
            data, status = data[int(start) : int(end) + 1], 206
        if fault == "error":
            request.send_error(503)
            return
        if fault == "hangs":
            self.ended.wait()
            return
        if fault == "short":
            data = data[: len(data) // 2]
        if fault == "altered":
            data = data[:-1] + bytes([data[-1] ^ 1])
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[: len(data) // 2] if fault == "truncated" else data)
        if fault == "truncated":
            request.close_connection = True
