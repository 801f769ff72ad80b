"""Scopes: what an API key may do, as ``resource:action``. Deny by default."""

from django.conf import settings

from core.errors import DomainError


class ScopeUnknown(DomainError):
    """A key would be issued for something no view asks for."""

    code = "scope_unknown"
    title = "There is no such scope."


def known() -> frozenset[str]:
    """Every scope of this deployment, from the one list in the settings."""
    return frozenset(settings.API_SCOPES)


def require_known(*, scopes: frozenset[str]) -> None:
    """Raise ScopeUnknown for a scope outside the list, and for an empty grant."""
    unknown = sorted(scopes - known())
    if unknown or not scopes:
        raise ScopeUnknown(f"Unknown: {', '.join(unknown) or 'none was named'}.", field="/scopes")
