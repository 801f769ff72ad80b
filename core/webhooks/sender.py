"""One attempt over HTTP: signed, bounded in time and size, never redirected, never inward."""

import socket
import ssl
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings
from django.utils import timezone

from core.events import API_VERSION
from core.ids import encode_id
from core.webhooks import addresses, signing
from core.webhooks.queue import Job, Outcome

CONNECT_SECONDS = 5
TOTAL_SECONDS = 15
KEEPALIVE_SECONDS = 30
ANSWER_BYTES_MAX = 4096
ANSWER_KEPT = 2048
USER_AGENT = "Sharemint-Webhooks/1"
_OK = range(200, 300)
_THROTTLES = frozenset({429, 503})


class GuardedResolver(AbstractResolver):
    """Refuses a host when any one of its addresses is not public."""

    def __init__(self, inner: AbstractResolver, *, allow_loopback: bool) -> None:
        self._inner = inner
        self._allow_loopback = allow_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        addresses.require_public_all(
            [each["host"] for each in found], allow_loopback=self._allow_loopback
        )
        return found

    async def close(self) -> None:
        await self._inner.close()


def open_session(resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """The one session of a dispatcher: guarded sockets, one TLS context, no proxies, no cookies."""
    allow = settings.WEBHOOK_ALLOW_LOOPBACK
    connector = aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=KEEPALIVE_SECONDS,
        resolver=GuardedResolver(resolver or aiohttp.ThreadedResolver(), allow_loopback=allow),
        socket_factory=partial(_guarded_socket, allow_loopback=allow),
        ssl=ssl.create_default_context(),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,
    )


async def send(session: aiohttp.ClientSession, job: Job) -> Outcome:
    """Try one delivery once. Never raises for what the receiver or the network does."""
    started_at, began = timezone.now(), time.monotonic()
    status: int | None = None
    text, error, retry_after = "", "", None
    try:
        addresses.check_url(job.url)
        async with session.post(
            job.url,
            data=job.body,
            headers=_headers(job, started_at.timestamp()),
            allow_redirects=False,
        ) as response:
            status = response.status
            text = await _read(response)
            error = _error_class(status)
            retry_after = _retry_after(status, response.headers)
    except (addresses.WebhookUrlRefused, aiohttp.ClientError, OSError, TimeoutError) as broken:
        error = _classify(broken)
    return Outcome(
        job=job,
        started_at=started_at,
        finished_at=timezone.now(),
        duration_ms=int((time.monotonic() - began) * 1000),
        response_status=status,
        response_body=text,
        error_class=error,
        retry_after_seconds=retry_after,
    )


def _guarded_socket(where: tuple[Any, ...], *, allow_loopback: bool) -> socket.socket:
    family, kind, protocol, _, address = where
    return addresses.open_socket(family, kind, protocol, address, allow_loopback=allow_loopback)


def _headers(job: Job, timestamp: float) -> dict[str, str]:
    signed = signing.sign(
        message_id=encode_id("evt", job.event_id),
        timestamp=int(timestamp),
        body=job.body,
        whsecs=job.whsecs,
    )
    return signed | {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "sharemint-version": API_VERSION,
        "sharemint-delivery": f"{encode_id('whd', job.delivery_id)}; attempt={job.attempt}",
    }


async def _read(response: aiohttp.ClientResponse) -> str:
    """The first bytes of the answer; the rest is not waited for."""
    head = await response.content.read(ANSWER_BYTES_MAX)
    if not response.content.at_eof():
        response.close()
    return head.decode("utf-8", "replace").replace("\x00", "")[:ANSWER_KEPT]


def _error_class(status: int) -> str:
    return "" if status in _OK else f"http_{status // 100}xx"


def _retry_after(status: int, headers: Mapping[str, str]) -> int | None:
    """Whole seconds; the date form is rare enough to count as absent."""
    if status not in _THROTTLES:
        return None
    text = headers.get("Retry-After", "").strip()
    return min(int(text), 86_400) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004


def _classify(broken: BaseException) -> str:
    causes = (broken, getattr(broken, "os_error", None), broken.__cause__)
    refused = (addresses.BlockedAddress, addresses.WebhookUrlRefused)
    if any(isinstance(cause, refused) for cause in causes):
        return "blocked_address"
    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (TimeoutError, "timeout"),
        (aiohttp.ClientConnectorDNSError, "dns"),
        (aiohttp.ClientSSLError, "tls"),
        (ssl.SSLError, "tls"),
    )
    return next((name for kind, name in kinds if isinstance(broken, kind)), "connect")
