"""Who did it: the one value every use case takes and every event names."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of doer an event can name."""

    API_KEY = "api_key"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """One doer. ``id`` is a key id, an operator's user id, or the name of a process."""

    kind: ActorKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def system(name: str) -> Actor:
    """The actor for work that no person asked for, such as a sweep."""
    return Actor(ActorKind.SYSTEM, name)


def operator(user_id: int) -> Actor:
    """The actor for a person working in the portal."""
    return Actor(ActorKind.OPERATOR, str(user_id))


def from_text(stored: str) -> Actor:
    """The actor behind its stored form, such as ``operator:7``. Raises ValueError for another."""
    kind, _, name = stored.partition(":")
    return Actor(ActorKind(kind), name)
