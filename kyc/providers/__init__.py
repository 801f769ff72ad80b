"""Identity verification behind one Protocol; the setting KYC_PROVIDER names which."""

from django.conf import settings

from kyc.providers.contract import Answer, IdentityProvider, Subject
from kyc.providers.manual import ManualProvider
from kyc.providers.sandbox import SandboxProvider

__all__ = ["Answer", "IdentityProvider", "Subject", "provider_from_settings"]

_PROVIDERS: dict[str, IdentityProvider] = {
    "manual": ManualProvider(),
    "sandbox": SandboxProvider(),
}


def provider_from_settings() -> IdentityProvider:
    """The provider this deployment verifies with. Raises KeyError for an unknown name."""
    return _PROVIDERS[settings.KYC_PROVIDER]
