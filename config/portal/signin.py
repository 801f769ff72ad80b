"""The sign-in form, which stops listening to an address after too many wrong passwords."""

import hashlib
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from core.api.client_address import client_address

# Counted in each portal process; one name from one address, and one address for all names.
WINDOW_SECONDS = 15 * 60
FAILURES_PER_NAME_MAX = 10
FAILURES_PER_ADDRESS_MAX = 50


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Refuses without looking at the password once the limit is reached."""

    def clean(self) -> dict[str, Any]:
        address = str(client_address(self.request) or "") if self.request else ""
        name = str(self.cleaned_data.get("username", ""))
        limits = {
            _key(address, name): FAILURES_PER_NAME_MAX,
            _key(address): FAILURES_PER_ADDRESS_MAX,
        }
        held = cache.get_many(limits)
        if any(held.get(key, 0) >= limit for key, limit in limits.items()):
            raise ValidationError("Too many wrong attempts. Try again in 15 minutes.", code="slow")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            for key in limits:
                cache.add(key, 0, WINDOW_SECONDS)
                cache.incr(key)
            raise
        return cleaned


def _key(*parts: str) -> str:
    return "portal-sign-in-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
