"""Names for actors: an event stores ``operator:7``, a page shows the sign-in name."""

from typing import TypeVar

from django.contrib.auth import get_user_model
from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from core.actors import ActorKind
from core.models import ApiKey
from core.portal.cells import BLANK, Cell
from core.portal.read_only import page_url, uuid_in
from core.rows import PublicRow

KEY_LETTERS_SHOWN = 6
Row = TypeVar("Row", bound=PublicRow)


def actor(stored: str) -> Cell:
    """Who did it, with the kind of actor as the second line."""
    kind, _, name = stored.partition(":")
    if not name:
        return BLANK
    note = kind.replace("_", " ")
    if kind == ActorKind.OPERATOR and name.isdigit():
        user = get_user_model().objects.filter(pk=int(name)).first()
        return Cell(user.get_username() if user else f"operator {name}", note=note)
    if kind == ActorKind.API_KEY:
        wanted = uuid_in(name)
        key = ApiKey.objects.filter(pk=wanted).first() if wanted else None
        if key is not None:
            return Cell(key.name, href=page_url(key), note=f"API key {key.kid}")
    return Cell(name, note=note)


def short_actor(stored: str) -> str:
    """The same in one short line, without asking the database."""
    kind, _, name = stored.partition(":")
    if kind == ActorKind.API_KEY:
        return f"API key ...{name[-KEY_LETTERS_SHOWN:]}"
    return name or stored


def with_actor_name(rows: "QuerySet[Row]", *, column: str) -> "QuerySet[Row]":
    """Add ``actor_name`` to each row: the operator's sign-in name, else what is stored."""
    stored = Concat(Value(f"{ActorKind.OPERATOR}:"), Cast("pk", CharField()))
    names = (
        get_user_model()
        .objects.annotate(stored=stored)
        .filter(stored=OuterRef(column))
        .values("username")[:1]
    )
    # The stubs name a type of their own for annotated rows; here it stays the model.
    return rows.annotate(  # type: ignore[return-value]
        actor_name=Coalesce(Subquery(names), F(column), output_field=TextField())
    )
