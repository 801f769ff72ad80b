"""A JSON-RPC node that answers what a test tells it to, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.request import ProxyHandler, Request, build_opener

CHAIN_ID = 31_337
SILENT_SECONDS_MAX = 30
# A proxy from the environment cannot reach this machine's own node.
OPENER = build_opener(ProxyHandler({}))


class Sink(Protocol):
    """What an answer is written to."""

    def write(self, data: bytes, /) -> object: ...


def _handler(node: "Node") -> type[BaseHTTPRequestHandler]:
    """The hands of one node."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: the second would wait for the reader's delayed ACK, 40 ms.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            node.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            node.requests += 1
            node.headers = dict(self.headers)
            if node.silent.is_set():
                node.stopped.wait(SILENT_SECONDS_MAX)
            status, payload = node.respond(body)
            self.send_response(status)
            for name, value in node.extra_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            with suppress(OSError):  # whoever asked has gone
                node.write(self.wfile, payload)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Node:
    """``answers`` holds per method: an answer's members, bytes, an HTTP status, or a function.

    ``batch`` turns the entries of a batch into what is sent: a list, bytes, or an HTTP status.
    """

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.answers: dict[str, Any] = {"eth_chainId": {"result": hex(chain_id)}}
        # Set: every request is left without an answer until the node stops.
        self.silent = threading.Event()
        self.stopped = threading.Event()
        # Set: the status and the body of every answer, whatever is asked.
        self.reply: tuple[int, bytes] | None = None
        self.asked: list[str] = []
        self.requests = 0
        self.connections = 0
        self.bytes_a_second = 0
        self.headers: dict[str, str] = {}
        self.extra_headers: dict[str, str] = {}
        self.batch: Callable[[list[dict[str, Any]]], Any] = lambda entries: entries
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def respond(self, body: Any) -> tuple[int, bytes]:
        """The status and the bytes for one body, alone or a batch."""
        if self.reply is not None:
            return self.reply
        if isinstance(body, list):
            answer = self.batch([self._one(each) for each in body])
        else:
            answer = self._one(body)
        if isinstance(answer, int):
            return answer, b""
        return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def write(self, file: Sink, payload: bytes) -> None:
        """Send an answer, at once or byte by byte."""
        if not self.bytes_a_second:
            file.write(payload)
            return
        for byte in payload:
            if self.stopped.wait(1 / self.bytes_a_second):
                return
            file.write(bytes([byte]))

    def _one(self, call: dict[str, Any]) -> Any:
        self.asked.append(call["method"])
        answer = self.answers.get(call["method"]) or self.otherwise(call)
        if callable(answer):
            answer = answer(*call["params"])
        if isinstance(answer, int | bytes):
            return answer
        return {"jsonrpc": "2.0", "id": call["id"], **answer}

    def otherwise(self, call: dict[str, Any]) -> Any:
        """The answer to a method that no test speaks of."""
        return {"result": None}

    def stop(self) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Liar(Node):
    """A node that tells the truth of a real one, but for what ``answers`` says otherwise."""

    def __init__(self, upstream: str, chain_id: int = CHAIN_ID) -> None:
        self.upstream = upstream
        # Set: what stands where the truth of the real node would.
        self.untruth: dict[str, Any] | None = None
        super().__init__(chain_id)

    def otherwise(self, call: dict[str, Any]) -> Any:
        return self.truth(call["method"], *call["params"])

    def truth(self, method: str, *params: object) -> dict[str, Any]:
        """What the real node says, its result or its error, or the untruth that stands for it."""
        if self.untruth is not None:
            return self.untruth
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = Request(
            self.upstream, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with OPENER.open(request, timeout=10) as response:
            answer = json.load(response)
        return {name: answer[name] for name in ("result", "error") if name in answer}
