"""Model instances by the hundred without what Django asks of each: made of all columns, or of some."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

Row = TypeVar("Row", bound=Model)


def unsaved(model: type[Row], values: dict[str, Any]) -> Row:
    """A row that is not in the database yet, made of the values of all its columns by attribute.

    What ``model(**values)`` gives, made as unpickling makes it, at a tenth of the cost; the row keeps
    ``values`` for its own. Raises TypeError when a column is missing or one too many is named.
    """
    if values.keys() != _attributes(model):
        raise TypeError(f"{model.__name__} has other columns: {values.keys() ^ _attributes(model)}")
    row = model.__new__(model)
    values["_state"] = ModelState()
    row.__dict__ = values
    return row


def read_many(rows: QuerySet[Row], names: Sequence[str]) -> list[Row]:
    """The rows with these columns, named by attribute; any other is read when it is asked for.

    What ``rows.only(*names)`` gives, at a third of the cost. The key must be among the names.
    """
    if rows.model._meta.pk.attname not in names:
        raise TypeError(f"{rows.model.__name__} is not read without its key")
    database = rows.db
    read = []
    for values in rows.values_list(*names):
        state = ModelState()
        state.adding, state.db = False, database
        row = rows.model.__new__(rows.model)
        row.__dict__ = dict(zip(names, values, strict=True)) | {"_state": state}
        read.append(row)
    return read


@cache
def _attributes(model: type[Model]) -> frozenset[str]:
    return frozenset(each.attname for each in model._meta.concrete_fields)
