"""Three endpoints before one node, on real HTTP; each may be told to answer falsely.

Unlike the proxy of the storm nothing here is left to chance: a lie is told exactly as often, by
exactly those endpoints and about exactly that question as a trial says.
"""

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from config.devstack import ports
from crash import children
from crash.ground import ENDPOINTS

EVERY = tuple(range(ENDPOINTS))
TIMEOUT_SECONDS = 20
_TYPE = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Lie:
    """What some endpoints answer to one kind of question.

    ``how`` is one of: "garbled" (the node has acted, and its answer is cut off), "ahead"
    (a number that is one higher), "older" (of a block by its tag: the one of the height ``value``).
    ``first`` is what the question's first parameter must be, when it is named.
    """

    method: str
    how: str
    endpoints: Sequence[int] = EVERY
    first: str = ""
    value: int = 0


class Wire:
    """A process of its own between the workers and the node; it dies with the one who made it."""

    def __init__(self, upstream: str) -> None:
        server = ThreadingHTTPServer((ports.LOOPBACK, 0), _Handler)
        server.daemon_threads = True
        self._url = f"http://{ports.LOOPBACK}:{server.server_port}"
        _Handler.upstream = urlsplit(upstream).netloc
        self._pid = children.fork(server.serve_forever)
        # The child listens; two who take connections would each wait for the other's.
        server.server_close()

    @property
    def urls(self) -> list[str]:
        """The endpoints' addresses."""
        return [f"{self._url}/{number}" for number in EVERY]

    def tell(self, *lies: Lie) -> None:
        """From now on these are told, and no others."""
        body = json.dumps([asdict(lie) for lie in lies]).encode()
        request = urllib.request.Request(f"{self._url}/lies", data=body, method="POST")  # noqa: S310 - our own loopback address
        urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS).close()  # noqa: S310 - as above

    def close(self) -> None:
        """End it."""
        children.end(self._pid)


class _Handler(BaseHTTPRequestHandler):
    """One kept-alive connection of a worker, with one to the node behind it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = ""
    lies: Sequence[Lie] = ()

    def setup(self) -> None:
        super().setup()
        self._node = HTTPConnection(self.upstream, timeout=TIMEOUT_SECONDS)

    def finish(self) -> None:
        self._node.close()
        super().finish()

    def do_POST(self) -> None:
        """Answer one request, which may hold many questions."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/lies":
            type(self).lies = [Lie(**each) for each in json.loads(body)]
            self._reply(b"null")
            return
        endpoint, asked = int(self.path.strip("/")), json.loads(body)
        if not isinstance(asked, list):
            self._reply(self._answer(endpoint, asked))
            return
        answers = [self._answer(endpoint, each) for each in asked]
        self._reply(b"[" + b",".join(each for each in answers if each.endswith(b"}")) + b"]")

    def _answer(self, endpoint: int, asked: dict[str, Any]) -> bytes:
        lie = self._lie_about(endpoint, asked)
        if lie is None:
            return self._ask(asked)
        if lie.how == "garbled":
            truth = self._ask(asked)
            return truth[: len(truth) // 2]
        if lie.how == "older":
            return self._ask(asked | {"params": [hex(lie.value), *asked["params"][1:]]})
        assert lie.how == "ahead"
        answer = json.loads(self._ask(asked))
        answer["result"] = hex(int(answer["result"], 16) + 1)
        return json.dumps(answer).encode()

    def _lie_about(self, endpoint: int, asked: dict[str, Any]) -> Lie | None:
        parameters = asked.get("params") or [""]
        for lie in self.lies:
            about = lie.method == asked["method"] and lie.first in ("", parameters[0])
            if about and endpoint in lie.endpoints:
                return lie
        return None

    def _ask(self, asked: dict[str, Any]) -> bytes:
        self._node.request("POST", "/", json.dumps(asked).encode(), dict([_TYPE]))
        return self._node.getresponse().read()

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header(*_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
