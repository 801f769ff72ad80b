"""API keys: issued by operators, rotated by their holders with an overlap, revoked at once."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network

from core import events, keys, queries, scopes
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.models import ApiKey
from core.states import API_KEY_TRANSITIONS, ApiKeyStatus
from core.transitions import move
from core.use_case import use_case

LIFETIME_MAX = timedelta(days=365)
OVERLAP_DEFAULT = timedelta(hours=72)
OVERLAP_MAX = timedelta(days=7)
_LAST_FOUR = 4


class KeyLifetimeInvalid(DomainError):
    """The key would live for no time or for more than a year."""

    code = "key_lifetime_invalid"
    title = "A key lives for more than nothing and at most 365 days."


class NetworkInvalid(DomainError):
    """An entry of the address list is not a network."""

    code = "network_invalid"
    title = "Allowed networks are CIDR blocks such as 203.0.113.0/24."


@dataclass(frozen=True, slots=True, repr=False)
class IssuedKey:
    """A new key and its whole text, which nobody can read again."""

    row: ApiKey
    text: str


@use_case
def issue_api_key(
    *,
    institution_id: uuid.UUID,
    name: str,
    granted: Iterable[str],
    lifetime: timedelta = LIFETIME_MAX,
    allowed_networks: Iterable[str] = (),
    actor: Actor,
    now: datetime,
) -> IssuedKey:
    """Give an institution a key with these scopes, usable from these networks (none: anywhere).

    Raises NotFound, ScopeUnknown, KeyLifetimeInvalid or NetworkInvalid.
    """
    owner = queries.institution(institution_id=institution_id)
    scopes.require_known(scopes=frozenset(granted))
    if not timedelta(0) < lifetime <= LIFETIME_MAX:
        raise KeyLifetimeInvalid(field="/lifetime")
    row, text = _create(
        institution_id=owner.pk,
        name=name,
        scopes=sorted(set(granted)),
        allowed_networks=_networks(allowed_networks),
        expires_at=now + lifetime,
        created_by=str(actor),
        created_at=now,
    )
    events.record(
        event_type="api_key.issued",
        row=row,
        actor=actor,
        now=now,
        data={"scopes": row.scopes, "expires_at": events.format_time(row.expires_at)},
    )
    return IssuedKey(row, text)


@use_case
def rotate_api_key(
    *,
    institution_id: uuid.UUID,
    key_id: uuid.UUID,
    overlap: timedelta = OVERLAP_DEFAULT,
    actor: Actor,
    now: datetime,
) -> IssuedKey:
    """Replace a key by one with the same rights; the old one works until the overlap ends.

    Raises NotFound, KeyLifetimeInvalid, or StateConflict for a revoked, expired or already
    rotated key.
    """
    old = queries.api_key_for_update(key_id=key_id, institution_id=institution_id)
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise KeyLifetimeInvalid("The overlap is 0 to 7 days.", field="/overlap_seconds")
    if old.expires_at <= now or ApiKey.objects.filter(replaces=old).exists():
        raise StateConflict("The key has expired or was rotated before.", state=old.status)
    row, text = _create(
        institution_id=old.institution_id,
        name=old.name,
        scopes=old.scopes,
        allowed_networks=old.allowed_networks,
        expires_at=now + min(old.expires_at - old.created_at, LIFETIME_MAX),
        created_by=str(actor),
        created_at=now,
        replaces=old,
    )
    ends = min(old.expires_at, now + overlap)
    move(
        old,
        to=ApiKeyStatus.ACTIVE,
        table=API_KEY_TRANSITIONS,
        actor=actor,
        now=now,
        event_type="api_key.rotated",
        data={"replaced_by": row.public_id, "expires_at": events.format_time(ends)},
        expires_at=ends,
    )
    return IssuedKey(row, text)


@use_case
def revoke_api_key(*, key_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> ApiKey:
    """End a key at once. Raises NotFound or StateConflict."""
    row = queries.api_key_for_update(key_id=key_id)
    return move(
        row,
        to=ApiKeyStatus.REVOKED,
        table=API_KEY_TRANSITIONS,
        actor=actor,
        now=now,
        data={"reason": reason},
    )


def _create(**columns: object) -> tuple[ApiKey, str]:
    made = keys.generate()
    row = ApiKey.objects.create(
        kid=made.kid,
        digest=keys.digest(made.secret),
        last_four=made.text[-_LAST_FOUR:],
        **columns,
    )
    return row, made.text


def _networks(given: Iterable[str]) -> list[str]:
    try:
        return sorted(str(ip_network(text)) for text in given)
    except ValueError as broken:
        raise NetworkInvalid(field="/allowed_networks") from broken
