"""Core's use cases: institutions, API keys, webhook endpoints, breakers."""

from core.services.api_keys import IssuedKey, issue_api_key, revoke_api_key, rotate_api_key
from core.services.halt_notices import announce_halts
from core.services.halts import approve_reset, halt, propose_reset, reset, withdraw_reset
from core.services.institutions import create_institution
from core.services.webhook_deliveries import redeliver, send_test_ping
from core.services.webhook_endpoints import (
    EndpointSecret,
    create_webhook_endpoint,
    delete_webhook_endpoint,
    disable_webhook_endpoint,
    rotate_webhook_secret,
    update_webhook_endpoint,
)

__all__ = [
    "EndpointSecret",
    "IssuedKey",
    "announce_halts",
    "approve_reset",
    "create_institution",
    "create_webhook_endpoint",
    "delete_webhook_endpoint",
    "disable_webhook_endpoint",
    "halt",
    "issue_api_key",
    "propose_reset",
    "redeliver",
    "reset",
    "revoke_api_key",
    "rotate_api_key",
    "rotate_webhook_secret",
    "send_test_ping",
    "update_webhook_endpoint",
    "withdraw_reset",
]
