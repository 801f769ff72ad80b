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
_KEYS = {uuid.UUID, type(None)}

if TYPE_CHECKING:
    _AnyIn = In[Any]
else:  # Django's lookups take type arguments in the stubs only
    _AnyIn = In


class _AsArray(_AnyIn):
    def get_prep_lookup(self) -> Any:  # noqa: ANN401 - as Django has it
        if _are_keys(self.rhs) and _is_key(self.lhs.output_field):
            # What Django would make of each is itself: a hundred are not asked one by one.
            return list(self.rhs)
        return super().get_prep_lookup()

    def process_rhs(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Any]:
        if self.rhs_is_direct_value() and _are_keys(self.rhs):
            named = [each for each in self.rhs if each is not None]
            if named:
                return _ARRAY, (array_text(named),)
        return super().process_rhs(compiler, connection)

    def get_rhs_op(self, connection: BaseDatabaseWrapper, rhs: str) -> str:
        return f"= ANY({rhs})" if rhs == _ARRAY else super().get_rhs_op(connection, rhs)


class _KeyIn(_AsArray):
    pass


class _RelatedKeyIn(_AsArray, RelatedIn):
    pass


def _are_keys(values: object) -> bool:
    return isinstance(values, list | tuple | set | frozenset) and {*map(type, values)} <= _KEYS


def _is_key(field: Any) -> bool:  # noqa: ANN401 - a field or a reference to one
    return isinstance(getattr(field, "target_field", field), UUIDField)


def register() -> None:
    """Take the place of Django's ``in`` for uuids and for references to them."""
    UUIDField.register_lookup(_KeyIn)
    ForeignObject.register_lookup(_RelatedKeyIn)
