"""Which custodians can be reached by program, from settings."""

from django.conf import settings

from custody.providers.custodian import CustodianClient
from custody.providers.http_client import HttpCustodian


def reachable_codes() -> list[str]:
    """Codes of custodians with a client; the others are told by people and send files to people."""
    return [settings.CUSTODIAN_CODE] if settings.CUSTODIAN_URL else []


def client_for(code: str) -> CustodianClient:
    """The client of one reachable custodian. Raises LookupError for any other."""
    if code not in reachable_codes():
        raise LookupError(code)
    return HttpCustodian(url=settings.CUSTODIAN_URL, secret=settings.CUSTODIAN_SECRET)
