"""Idempotency keys: the first answer is stored with its effect and replayed byte for byte.

The claim announced here is taken by ``core.use_case`` as the first statement of the effect's
transaction and its answer stored as the last. Validation errors, missing rights and faults of
ours are never stored, so a retry runs anew.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core import requests
from core.api import problems
from core.api.errors import IdempotencyInFlight, IdempotencyKeyMissing, IdempotencyKeyReused
from core.errors import DomainError
from core.events import API_VERSION, format_time
from core.models import IdempotencyKey
from core.use_case import current_claim

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_STORED_REFUSALS = frozenset({409, 422})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, down to its bytes."""

    status: int
    body: bytes
    content_type: str = "application/json"
    location: str = ""


class Replay(Exception):
    """The key's first answer, raised so that nothing runs a second time."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


class KeyedRequest:
    """One keyed request at work: the claim that ``core.use_case`` takes and settles."""

    def __init__(
        self,
        *,
        institution_id: uuid.UUID,
        key: str,
        fingerprint: bytes,
        instance: str,
        now: datetime,
        render: Callable[[object], Answer],
    ) -> None:
        self._institution_id = institution_id
        self._key = key
        self._fingerprint = fingerprint
        self._instance = instance
        self._now = now
        self._render = render
        self._taken = False
        self.answer: Answer | None = None

    def take(self) -> None:
        """Claim the key for this transaction.

        Raises Replay, IdempotencyKeyReused or IdempotencyInFlight.
        """
        if self._taken:
            raise RuntimeError("a keyed request runs one use case, not two")
        self._taken = True
        if not self._try_lock():
            raise IdempotencyInFlight
        stored = IdempotencyKey.objects.filter(
            institution_id=self._institution_id, key=self._key
        ).first()
        if stored is None:
            return
        if bytes(stored.fingerprint) != self._fingerprint:
            raise IdempotencyKeyReused(
                first_request_id=stored.request_id, first_used_at=format_time(stored.created_at)
            )
        raise Replay(
            Answer(stored.status, stored.body, stored.content_type, location=stored.location)
        )

    def store_result(self, result: object) -> None:
        """Render the effect's result and keep the bytes."""
        self._store(self._render(result))

    def store_refusal(self, refusal: DomainError) -> None:
        """Keep a refusal that the business rules decided; others may be retried."""
        if refusal.status in _STORED_REFUSALS and not refusal.retryable:
            body = problems.document(refusal, instance=self._instance)
            self._store(Answer(refusal.status, body, problems.CONTENT_TYPE))

    def _store(self, answer: Answer) -> None:
        IdempotencyKey.objects.create(
            institution_id=self._institution_id,
            key=self._key,
            fingerprint=self._fingerprint,
            request_id=requests.current_id(),
            status=answer.status,
            content_type=answer.content_type,
            location=answer.location,
            body=answer.body,
            created_at=self._now,
        )
        self.answer = answer

    def _try_lock(self) -> bool:
        """Only makes the refusal quick; the unique constraint is the guard."""
        seed = hashlib.sha256(self._institution_id.bytes + self._key.encode()).digest()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(%s)",
                [int.from_bytes(seed[:8], "big", signed=True)],
            )
            row = cursor.fetchone()
        return bool(row and row[0])


@contextmanager
def announced(claim: KeyedRequest) -> Iterator[None]:
    """Announce the claim to the one use case run inside the block."""
    before = current_claim.set(claim)
    try:
        yield
    finally:
        current_claim.reset(before)


def read_key(header: str) -> str:
    """The key of a header value, bare or quoted. Raises IdempotencyKeyMissing."""
    text = header.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise IdempotencyKeyMissing
    return text


def fingerprint(*, method: str, path: str, body: Mapping[str, object]) -> bytes:
    """SHA-256 of method, full path, canonical body and API version."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{method}\n{path}\n{API_VERSION}\n{canonical}".encode()).digest()
