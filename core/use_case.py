"""One use case = one keyword-only function = one transaction.

``@use_case`` opens the durable transaction. When the API layer has announced an idempotency claim
for this request, the claim is taken as the transaction's first statement and its answer stored as
the last, so effect and stored response commit together or not at all.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

from django.db import transaction

from core.errors import DomainError

P = ParamSpec("P")
T = TypeVar("T")


class Claim(Protocol):
    """An idempotency key at work in one request."""

    def take(self) -> None:
        """Claim the key, or raise the replay, the reuse or the in-flight refusal."""

    def store_result(self, result: object) -> None:
        """Store the response that renders ``result``."""

    def store_refusal(self, refusal: DomainError) -> None:
        """Store the problem document of a business refusal."""


current_claim: ContextVar[Claim | None] = ContextVar("current_claim", default=None)


def use_case(function: Callable[P, T]) -> Callable[P, T]:
    """Run a service in its own durable transaction.

    A DomainError rolls back everything the function did. What must outlive a refusal (the
    decision that caused it) is handed over as ``refusal.evidence``, unsaved rows that are saved
    in the same transaction after the rollback to its savepoint.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        claim = current_claim.get()
        with transaction.atomic(durable=True):
            if claim is not None:
                claim.take()
            try:
                with transaction.atomic(savepoint=True):
                    result = function(*args, **kwargs)
            except DomainError as refusal:
                for row in refusal.evidence:
                    row.save(force_insert=True)
                if claim is not None:
                    claim.store_refusal(refusal)
                refused = refusal
            else:
                if claim is not None:
                    claim.store_result(result)
                return result
        raise refused

    return run
