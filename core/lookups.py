"""``IN`` over keys as one array: the statement stays short, and nobody parses a hundred parameters.

PostgreSQL plans both alike. Everything but a plain list of uuids is left as Django writes it.
"""

import uuid
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import UUIDField
from django.db.models.fields.related import ForeignObject
from django.db.models.fields.related_lookups import RelatedIn
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

from core.bulk import array_text

_ARRAY = "%s::uuid[]"

if TYPE_CHECKING:
    _AnyIn = In[Any]
else:  # Django's lookups take type arguments in the stubs only
    _AnyIn = In


class _AsArray(_AnyIn):
    def process_rhs(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Any]:
        sql, params = super().process_rhs(compiler, connection)
        values: list[object] = list(params)
        if not self.rhs_is_direct_value() or any(type(each) is not uuid.UUID for each in values):
            return sql, params
        return _ARRAY, (array_text(values),)

    def get_rhs_op(self, connection: BaseDatabaseWrapper, rhs: str) -> str:
        return f"= ANY({rhs})" if rhs == _ARRAY else super().get_rhs_op(connection, rhs)


class _KeyIn(_AsArray):
    pass


class _RelatedKeyIn(_AsArray, RelatedIn):
    pass


def register() -> None:
    """Take the place of Django's ``in`` for uuids and for references to them."""
    UUIDField.register_lookup(_KeyIn)
    ForeignObject.register_lookup(_RelatedKeyIn)
