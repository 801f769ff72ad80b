"""Which event types an endpoint asks for: exact names, ``object.*``, or ``*``."""

import re
from collections.abc import Iterable

from core.errors import DomainError

TOPICS_MAX = 50
_TOPIC = re.compile(r"\*|[a-z_]{1,40}\.(\*|[a-z_]{1,40})")
PING = "test.ping"


class EventTypeInvalid(DomainError):
    """The list of event types is empty, too long or holds something else."""

    code = "event_type_invalid"
    title = 'Event types are "*", "order.*" or exact names such as "order.completed".'


def check_topics(given: Iterable[str]) -> list[str]:
    """The sorted list, or EventTypeInvalid."""
    topics = sorted(set(given))
    if not topics or len(topics) > TOPICS_MAX or not all(map(_TOPIC.fullmatch, topics)):
        raise EventTypeInvalid(field="/event_types")
    return topics


def wants(topics: Iterable[str], event_type: str) -> bool:
    """Whether a list of topics covers an event type."""
    family = event_type.partition(".")[0] + ".*"
    return any(topic in {"*", family, event_type} for topic in topics)
