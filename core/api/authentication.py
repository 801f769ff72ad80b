"""Bearer API keys and the scopes they carry; whatever a view does not grant is denied."""

import hmac
import uuid
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core import keys
from core.actors import Actor, ActorKind
from core.api.client_address import client_address
from core.api.errors import AddressNotAllowed, ScopeMissing, Unauthenticated
from core.models import ApiKey, InstitutionStatus
from core.states import ApiKeyStatus

if TYPE_CHECKING:  # DRF imports this module while its views are still being made
    from rest_framework.views import APIView

LAST_USED_STEP = timedelta(minutes=1)
_HEADER_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """The institution behind a request and what its key may do."""

    key: ApiKey
    institution_id: uuid.UUID
    scopes: frozenset[str]
    actor: Actor

    # DRF and its throttles ask this of every user object.
    is_authenticated = True


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer shm_...``. Raises Unauthenticated or AddressNotAllowed."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        kind, _, text = header.partition(" ")
        if kind.lower() != "bearer" or len(header) > _HEADER_LENGTH_MAX:
            raise Unauthenticated
        key = _known_key(text.strip())
        _require_address(key, request)
        _note_use(key)
        caller = Caller(
            key=key,
            institution_id=key.institution_id,
            scopes=frozenset(key.scopes),
            actor=Actor(ActorKind.API_KEY, key.public_id),
        )
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="sharemint"'


class HasScope(BasePermission):
    """Denies unless the view is public or names a scope for the method that the key holds."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if getattr(view, "public", False):
            return True
        caller: object = request.auth
        if not isinstance(caller, Caller):
            raise Unauthenticated
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(view, method.lower()):
            return True  # DRF answers 405 next
        scope = getattr(view, "scopes", {}).get(method, "")
        if scope not in caller.scopes:
            raise ScopeMissing(f"This needs the scope {scope}.", required_scope=scope)
        return True


def _known_key(text: str) -> ApiKey:
    parsed = keys.parse(text)
    if parsed is None:
        raise Unauthenticated
    key = ApiKey.objects.select_related("institution").filter(kid=parsed.kid).first()
    if key is None or not hmac.compare_digest(bytes(key.digest), keys.digest(parsed.secret)):
        raise Unauthenticated
    live = key.status == ApiKeyStatus.ACTIVE and key.expires_at > timezone.now()
    if not live or key.institution.status != InstitutionStatus.ACTIVE:
        raise Unauthenticated
    return key


def _require_address(key: ApiKey, request: Request) -> None:
    if not key.allowed_networks:
        return
    address = client_address(request._request)  # noqa: SLF001  DRF offers no public way
    if address is None or not any(address in ip_network(cidr) for cidr in key.allowed_networks):
        raise AddressNotAllowed


def _note_use(key: ApiKey) -> None:
    """At most one write a minute, whatever the traffic."""
    now = timezone.now()
    if key.last_used_at is not None and key.last_used_at > now - LAST_USED_STEP:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - LAST_USED_STEP)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
