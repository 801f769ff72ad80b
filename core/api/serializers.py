"""Strict shapes: unknown fields refused, JSON types as written, quantities as strings."""

import uuid
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from core import ids, units
from core.events import format_time

_UNKNOWN = "This operation has no such field."
# DRF reads 1 as "1" and "true" as True; an API that moves value takes JSON as it is written.
_JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type, str], ...] = (
    (serializers.BooleanField, bool, "true or false"),
    (serializers.IntegerField, int, "a whole JSON number"),
    (serializers.CharField, str, "a JSON string"),
    (serializers.DateField, str, "a JSON string"),
    (serializers.DateTimeField, str, "a JSON string"),
)


class StrictSerializer(serializers.Serializer[Any]):
    """A request body or an answer. Input with a field that is not declared is refused."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401  DRF's signature
        if isinstance(data, Mapping):
            self._refuse_unknown(data)
            self._refuse_other_types(data)
        return super().to_internal_value(data)

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = sorted(set(data) - writable)
        if unknown:
            detail = [ErrorDetail(_UNKNOWN, code="unknown_field")]
            raise ValidationError(dict.fromkeys(unknown, detail))

    def _refuse_other_types(self, data: Mapping[str, Any]) -> None:
        wrong = {
            name: [ErrorDetail(f"Expected {expected}.", code="wrong_type")]
            for name, value in data.items()
            if value is not None and (expected := _mistyped(self.fields[name], value))
        }
        if wrong:
            raise ValidationError(wrong)


def _mistyped(field: object, value: object) -> str:
    """What the field wants instead, or an empty string when the JSON type is right."""
    if type(field) is serializers.ChoiceField:
        return "" if isinstance(value, str) else "a JSON string"
    for kind, python_type, expected in _JSON_TYPES:
        if isinstance(field, kind):
            return "" if type(value) is python_type else expected
    return ""


class QuerySerializer(serializers.Serializer[Any]):
    """The parameters of a query string. Unknown ones are refused: a misspelt limit must not pass."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401  DRF's signature
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            detail = [ErrorDetail("There is no such parameter.", code="unknown_field")]
            raise ValidationError(dict.fromkeys(unknown, detail))
        return super().to_internal_value(data)


@extend_schema_field(
    {
        "type": "string",
        "pattern": r"^(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?$",
        "examples": ["600.25"],
        "description": "A decimal string of at most 18 places. JSON numbers are refused.",
    }
)
class QuantityField(serializers.Field[int, str, str, int]):
    """A positive decimal string in JSON, ``int`` units in Python.

    ``allow_zero`` lets "0" pass.
    """

    default_error_messages = {
        "quantity_invalid": 'Expected a positive decimal string such as "600.25".',
    }

    def __init__(self, *, allow_zero: bool = False, **kwargs: Any) -> None:  # noqa: ANN401  DRF's
        super().__init__(**kwargs)
        self.allow_zero = allow_zero

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, str):
            self.fail("quantity_invalid")
        try:
            quantity = units.parse_quantity(data)
        except units.QuantityInvalid:
            self.fail("quantity_invalid")
        if quantity == 0 and not self.allow_zero:
            self.fail("quantity_invalid")
        return quantity

    def to_representation(self, value: int) -> str:
        return units.format_quantity(value)


class PublicIdField(serializers.Field[uuid.UUID, str, str, uuid.UUID]):
    """A prefixed id in JSON, a ``uuid.UUID`` in Python."""

    default_error_messages = {"id_invalid": "Expected an id that starts with {prefix}_."}

    def __init__(self, prefix: str, **kwargs: Any) -> None:  # noqa: ANN401  DRF's signature
        super().__init__(**kwargs)
        self.prefix = prefix

    def to_internal_value(self, data: object) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("id_invalid", prefix=self.prefix)
        try:
            return ids.decode_id(self.prefix, data)
        except ids.IdInvalid:
            self.fail("id_invalid", prefix=self.prefix)

    def to_representation(self, value: uuid.UUID) -> str:
        return ids.encode_id(self.prefix, value)


@extend_schema_field({"type": "string", "examples": ["pending"]})
class StatusField(serializers.ReadOnlyField):
    """A status of the database, shown in lower case."""

    def to_representation(self, value: object) -> str:
        return str(value).lower()


@extend_schema_field({"type": "string"})
class ObjectField(serializers.ReadOnlyField):
    """The ``object`` member: the kind of the row, from its OBJECT."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  DRF's signature
        super().__init__(source="OBJECT", **kwargs)


class UtcField(serializers.DateTimeField):
    """RFC 3339 in UTC with milliseconds and ``Z``."""

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401  DRF's signature
        return None if value is None else format_time(value)
