"""The head of the OpenAPI document; its body comes from the views."""

from typing import Any

_DESCRIPTION = """
Conventions: JSON in UTF-8, snake_case, no trailing slash. Quantities are decimal **strings** of at
most 18 places; a JSON number is refused. Times are RFC 3339 in UTC. Unknown fields are refused.

Every POST carries an `Idempotency-Key`. The first answer, if it is 2xx or a business refusal (409,
422), is kept for 90 days and replayed byte for byte with `Idempotency-Replayed: true`. Unlike some
APIs, 5xx is never kept: send the same key again. Either nothing was changed, or, after a lost
connection, the same key gets the answer of what was.

Lists take `limit` (25, at most 100), `order` and `page_token`. Enums are open: expect new values.
Errors are RFC 9457 problem documents with a stable `code`, listed under `/v1/docs/errors`.
"""

SPECTACULAR: dict[str, Any] = {
    "TITLE": "Sharemint API",
    "DESCRIPTION": _DESCRIPTION.strip(),
    "VERSION": "2026-12-01",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Enums stay where they are used; naming them would make renames of ours breaking changes.
    "POSTPROCESSING_HOOKS": ["core.api.schema.add_components"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
    "WEBHOOKS": ["core.api.document.EVENT_WEBHOOK"],
    "SERVERS": [{"url": "/"}],
    "DISABLE_ERRORS_AND_WARNINGS": False,
}
