"""How drf-spectacular sees our views: the key header, the scopes, pages and problem answers."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from core.api.serializers import StrictSerializer

if TYPE_CHECKING:  # the views' module loads this one through the settings
    from core.api.views import ApiView

JsonSchema = dict[str, Any]
_ID_BODY = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_COMMON = {"400": "Malformed or invalid request", "401": "No valid key", "403": "Not allowed"}
_BY_METHOD: Mapping[str, Mapping[str, str]] = {
    "GET": {},
    "POST": {
        "409": "State conflict, or the key is in flight",
        "413": "Body too large",
        "415": "Not JSON",
        "422": "Refused by a business rule, or the key was used for another request",
    },
    "PATCH": {
        "409": "State conflict",
        "412": "Another version",
        "413": "Body too large",
        "415": "Not JSON",
        "422": "Refused by a business rule",
        "428": "If-Match is missing",
    },
    "DELETE": {"409": "State conflict"},
}
IDEMPOTENCY_KEY: JsonSchema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Same key and body: the first answer again. Same key, other body: 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "2026-11-22-order-0001",
}
IF_MATCH: JsonSchema = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag last seen.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
    "example": '"3"',
}
PROBLEM: JsonSchema = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; every code is listed under /v1/docs/errors.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "pattern": "^[a-z_]+$"},
        "retryable": {"type": "boolean"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "/v1/docs/errors#unknown_field",
        "title": "The request names a field this operation does not have.",
        "status": 400,
        "detail": "See errors.",
        "instance": "/v1/webhook-endpoints",
        "code": "unknown_field",
        "retryable": False,
        "request_id": "req_01kamq0000e8c8rr3y0000000a",
        "errors": [
            {
                "pointer": "/evnt_types",
                "code": "unknown_field",
                "detail": "This operation has no such field.",
            }
        ],
    },
}
COMPONENTS: JsonSchema = {
    "schemas": {"Problem": PROBLEM},
    "securitySchemes": {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "shm_live_<kid>_<secret><crc>",
            "description": "An API key. The scopes an operation needs stand beside it.",
        }
    },
}


class _Envelope:
    """The shape of a list answer, for drf-spectacular's paginator slot."""

    def get_schema_operation_parameters(self, _view: object) -> list[JsonSchema]:
        return []  # the views name PageQuery themselves

    def get_paginated_response_schema(self, schema: JsonSchema) -> JsonSchema:
        return {
            "type": "object",
            "required": ["object", "data", "has_more", "next_page_token"],
            "properties": {
                "object": {"type": "string", "enum": ["list"]},
                "data": schema,
                "has_more": {"type": "boolean"},
                "next_page_token": {"type": ["string", "null"]},
            },
        }


class ApiSchema(AutoSchema):
    """Adds to each operation what ``ApiView`` does for every view."""

    def get_operation_id(self) -> str:
        """Such as ``orders_list``, ``orders_read``, ``orders_create``, ``orders_cancel_create``."""
        action = {"POST": "create", "PATCH": "update", "DELETE": "delete"}.get(self.method)
        if action is None:
            action = "read" if self.path.endswith("}") else "list"
        return "_".join([*(step.replace("-", "_") for step in self._tokenize_path()), action])

    def get_auth(self) -> list[JsonSchema]:
        scope = self._scope()
        return [{"apiKey": [scope]}] if scope else []

    def get_description(self) -> str:  # type: ignore[override]
        # A class's own words, never those of ApiView.
        return inspect.cleandoc(type(self.view).__doc__ or "")

    def get_operation(self, *args: Any, **kwargs: Any) -> JsonSchema | None:  # noqa: ANN401
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        scope = self._scope()
        if scope:
            described = operation.get("description", "")
            operation["description"] = f"{described}\n\nScope: `{scope}`.".strip()
        else:
            operation["security"] = []
        for parameter in operation.get("parameters", []):
            _drop_blank_default(parameter["schema"])
        headers = []
        if self.method == "POST" and _view(self.view).keyed:
            headers.append(IDEMPOTENCY_KEY)
        if self.method == "PATCH":
            headers.append(IF_MATCH)
        if headers:
            operation["parameters"] = [*operation.get("parameters", []), *headers]
        return operation

    def _get_response_bodies(self, direction: Direction = "response") -> JsonSchema:
        bodies: JsonSchema = super()._get_response_bodies(direction)
        if direction == "request":  # a webhook: its receiver answers, not we
            return bodies
        # Our deletes answer the object as it ended.
        problems = dict(_BY_METHOD.get(self.method, {}))
        if self._scope():
            problems |= _COMMON
        if "{" in self.path:
            problems["404"] = "No such object for this caller"
        for code, words in sorted(problems.items()):
            bodies.setdefault(code, _problem(words))
        bodies["default"] = _problem("Any other problem")
        return bodies

    def _scope(self) -> str:
        view = _view(self.view)
        return "" if view.public else view.scopes[self.method]

    def _get_paginator(self) -> _Envelope:
        return _Envelope()

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}List"

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> JsonSchema:  # noqa: ANN401
        schema: JsonSchema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        for member in schema.get("properties", {}).values():
            _drop_blank_default(member)
        return schema


class PublicIdExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Shows the prefix of an id."""

    target_class = "core.api.serializers.PublicIdField"

    def map_serializer_field(
        self, auto_schema: AutoSchema, direction: Literal["request", "response"]
    ) -> JsonSchema:
        prefix = self.target.prefix
        example = f"{prefix}_01kamq0000e8c8rr3y0000000a"
        return {"type": "string", "pattern": f"^{prefix}_{_ID_BODY}$", "examples": [example]}


def add_components(result: JsonSchema, **_: object) -> JsonSchema:
    """Add the parts every operation refers to. A drf-spectacular hook."""
    for kind, parts in COMPONENTS.items():
        result.setdefault("components", {}).setdefault(kind, {}).update(parts)
    _strip(result)
    return result


def _strip(node: object) -> None:
    """Remove drf-spectacular's own marks on enums."""
    if isinstance(node, dict):
        node.pop("x-spec-enum-id", None)
        for inner in node.values():
            _strip(inner)
    elif isinstance(node, list):
        for inner in node:
            _strip(inner)


def _drop_blank_default(schema: JsonSchema) -> None:
    """An empty default is how a view writes "absent"; sending it would be refused."""
    if schema.get("default") == "" and schema.get("minLength"):
        del schema["default"]


def _view(view: object) -> "ApiView":
    return cast("ApiView", view)


def _problem(words: str) -> JsonSchema:
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": words, "content": {"application/problem+json": reference}}
