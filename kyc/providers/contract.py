"""What every identity verification provider answers to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kyc.states import CheckStatus


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to verify. ``documents`` are SHA-256 fingerprints."""

    external_id: str
    kind: str
    legal_name: str
    documents: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Subject({self.external_id!r})"  # the name is personal data


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``facts`` are stored with the provider as their source."""

    status: CheckStatus
    reason_code: str = ""
    external_id: str = ""
    facts: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


class IdentityProvider(Protocol):
    """One provider.

    ``start`` runs inside the submission's transaction and does no I/O: a remote provider answers
    PENDING, and its task reports through ``services.record_check_result``.
    """

    name: str

    def start(self, subject: Subject) -> Answer:
        """Begin, and if possible finish, the verification of ``subject``."""
