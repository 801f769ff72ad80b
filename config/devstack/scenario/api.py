"""A small client of the public API, as an institution would write one."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.1
ACCEPTED = range(200, 300)


class ScenarioFailed(Exception):
    """Something did not happen as the story tells it."""


@dataclass(frozen=True)
class Answer:
    """One response. ``body`` is the parsed JSON, or an empty object without a body."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    text: str

    @property
    def code(self) -> str:
        """The stable code of a problem document."""
        return str(self.body.get("code", ""))


class Api:
    """One institution's key against one address."""

    def __init__(self, url: str, key: str = "", *, client_address: str = "") -> None:
        self._host = urlsplit(url).netloc
        self._key = key
        # What the proxy in front of a real deployment would add.
        self._client_address = client_address

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        idempotency_key: str | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Send one request; every POST carries an Idempotency-Key, a fresh one by default."""
        headers = {"Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if self._client_address:
            headers["X-Forwarded-For"] = self._client_address
        if method != "GET":
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        data = raw
        if data is None and method != "GET":
            data = json.dumps({} if body is None else body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection = HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, f"/v1/{path}", body=data, headers=headers)
            response = connection.getresponse()
            text = response.read().decode()
            parsed = json.loads(text) if text and "json" in response.headers["Content-Type"] else {}
            return Answer(response.status, parsed, dict(response.headers), text)
        finally:
            connection.close()

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The object or list at ``path``."""
        target = f"{path}?{urlencode(query)}" if query else path
        return self._fine("GET", target, self.request("GET", target))

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        """What the accepted POST answered."""
        return self._fine("POST", path, self.request("POST", path, body=body))

    def pages(self, path: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """Every object of a list, page by page."""
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            page = self.get(path, **query, **more)
            yield from page["data"]
            token = page.get("next_page_token") or ""
            if not page["has_more"]:
                return

    def wait(
        self, path: str, ready: Callable[[dict[str, Any]], bool], *, seconds: float, what: str
    ) -> dict[str, Any]:
        """Poll the object at ``path`` until it is as wanted."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(path)
            if ready(found):
                return found
            if time.monotonic() > deadline:
                raise ScenarioFailed(f"{what} took over {seconds:.0f} s; last seen: {found}")
            time.sleep(POLL_SECONDS)

    def _fine(self, method: str, path: str, answer: Answer) -> dict[str, Any]:
        if answer.status not in ACCEPTED:
            raise ScenarioFailed(f"{method} /v1/{path} answered {answer.status}: {answer.text}")
        return answer.body
