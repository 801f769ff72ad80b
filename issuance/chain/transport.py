"""HTTP to one node: kept-alive connections, deadlines, a size limit, and no redirect is followed."""

import os
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers

from issuance.chain.errors import ChainAnswerInvalid, ChainUnreachable, RateLimited


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take. ``answer_seconds`` is for the whole of it, however slowly it drips.

    It stays below the 15 s lease of a work row.
    """

    connect_seconds: float = 3.0
    read_seconds: float = 8.0
    answer_seconds: float = 12.0
    answer_bytes: int = 32 * 1024 * 1024


LIMITS = Limits()
CONNECTIONS_MAX = 8
# Statuses that speak of the body: too long, many questions in one, a method unknown.
_ABOUT_THE_BODY = frozenset({400, 404, 405, 413, 415, 422, 501})
_CHUNK = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Transport:
    """One node's address. It may hold an access key, so no error or repr shows it."""

    def __init__(self, url: str, *, label: str, limits: Limits = LIMITS) -> None:
        parts = urlsplit(url)
        self.label = label
        self._limits = limits
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= make_headers(basic_auth=secret)
        host = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
        self._origin = parts.scheme, parts.hostname or ""
        self._open()

    def __repr__(self) -> str:
        return f"Transport({self.label})"

    def post(self, body: bytes) -> bytes:
        """Send one body, once; the answer's body. Nothing is retried.

        Raises ChainUnreachable, RateLimited, or ChainAnswerInvalid when it is too large.
        """
        try:
            return self._post(body)
        except (HTTPError, OSError, ValueError) as error:  # their texts show the address
            raise ChainUnreachable(f"{self.label}: {type(error).__name__}") from None

    def _open(self) -> None:
        self._process = os.getpid()
        self._pool = _pool(*self._origin)

    def _post(self, body: bytes) -> bytes:
        if self._process != os.getpid():
            self._open()  # a forked process must not share its parent's connections
        until = monotonic() + self._limits.answer_seconds
        response = self._pool.request(
            "POST",
            self._url,
            body=body,
            headers=self._headers,
            timeout=Timeout(connect=self._limits.connect_seconds, read=self._limits.read_seconds),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        whole = False
        try:
            answer = self._read(response, until)
            whole = True
        finally:
            # A connection with an unread rest must not serve the next request.
            response.release_conn() if whole else response.close()
        return self._checked(response.status, answer)

    def _read(self, response: urllib3.BaseHTTPResponse, until: float) -> bytes:
        answer = bytearray()
        while chunk := response.read1(_CHUNK):
            answer += chunk
            if len(answer) > self._limits.answer_bytes:
                raise ChainAnswerInvalid(f"{self.label}: above {self._limits.answer_bytes} bytes")
            if monotonic() > until:
                raise ChainUnreachable(f"{self.label}: too slow")
        return bytes(answer)

    def _checked(self, status: int, answer: bytes) -> bytes:
        """A JSON-RPC error may come with a client error's status; any other status is no answer."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimited(f"{self.label}: HTTP 429")
        is_told = status in _ABOUT_THE_BODY
        if status == HTTPStatus.OK or (is_told and b'"error"' in answer):
            return answer
        if is_told:
            raise ChainAnswerInvalid(f"{self.label}: HTTP {status}")
        raise ChainUnreachable(f"{self.label}: HTTP {status}")


def _pool(scheme: str, host: str) -> urllib3.PoolManager:
    proxy = "" if host in _LOOPBACK or proxy_bypass(host) else getproxies().get(scheme, "")
    if proxy:
        return urllib3.ProxyManager(proxy, maxsize=CONNECTIONS_MAX)
    return urllib3.PoolManager(num_pools=1, maxsize=CONNECTIONS_MAX)
