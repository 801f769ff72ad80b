"""The environment of the product's processes: the same variables a real deployment sets."""

import os

from config.devstack import places
from config.devstack.programs import Ports
from config.devstack.services import Services
from config.devstack.state import State

# What a process needs from the shell that started the stack.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
# Documentation addresses in chosen countries, so that the refusal by place can be seen.
COUNTRIES = places.CHECKOUT / "kyc" / "sandbox" / "places.mmdb"


def product_environment(services: Services, state: State, where: Ports) -> dict[str, str]:
    """Every variable, secrets included: nothing leaks in from the shell beyond INHERITED."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return (
        inherited
        | state.secrets()
        | services.environment()
        | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
            "SHAREMINT_DEVELOPMENT": "1",
            "SHAREMINT_ENVIRONMENT": "local stack",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "PUBLIC_URL": where.api_url,
            # A client may say where it comes from, so that the refusal by country can be seen.
            "TRUSTED_PROXY_COUNT": "1",
            "SIGNER_KEYSTORES": str(state.keystores),
            "SIGNER_PASSWORD_FILE": str(state.keystore_password_file()),
            "GEOIP_PATH": str(COUNTRIES),
            "KYC_PROVIDER": "sandbox",
            "WALLET_COOLING_OFF_SECONDS": "0",
            "ORDER_APPROVAL_ABOVE_SHARES": "1000",
            "CUSTODIAN_URL": where.custodian_url,
            "SANDBOX_CUSTODIAN_DELAY_SECONDS": "1",
        }
    )
