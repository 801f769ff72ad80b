"""A JSON-RPC node that answers what a test tells it to, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHAIN_ID = 31_337


class Node:
    """``answers`` holds per method: an answer's members, bytes, an HTTP status, or a function.

    ``batch`` turns the entries of a batch into what is sent: a list, bytes, or an HTTP status.
    """

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.answers: dict[str, Any] = {"eth_chainId": {"result": hex(chain_id)}}
        self.asked: list[str] = []
        self.requests = 0
        self.headers: dict[str, str] = {}
        self.extra_headers: dict[str, str] = {}
        self.batch: Callable[[list[dict[str, Any]]], Any] = lambda entries: entries
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.requests += 1
                node.headers = dict(self.headers)
                status, payload = node.respond(body)
                self.send_response(status)
                for name, value in node.extra_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def respond(self, body: Any) -> tuple[int, bytes]:
        """The status and the bytes for one body, alone or a batch."""
        if isinstance(body, list):
            answer = self.batch([self._one(each) for each in body])
        else:
            answer = self._one(body)
        if isinstance(answer, int):
            return answer, b""
        return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def _one(self, call: dict[str, Any]) -> Any:
        self.asked.append(call["method"])
        answer = self.answers.get(call["method"], {"result": None})
        if callable(answer):
            answer = answer(*call["params"])
        if isinstance(answer, int | bytes):
            return answer
        return {"jsonrpc": "2.0", "id": call["id"], **answer}

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
