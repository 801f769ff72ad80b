"""The events of one object, newest first: every object page ends with it."""

from collections.abc import Sequence

from core.models import Event
from core.portal import cells, people
from core.portal.cells import Cell, Panel
from core.portal.read_only import page_url
from core.rows import PublicRow

EVENTS_SHOWN_MAX = 25


def timeline(row: PublicRow, *, also: Sequence[PublicRow] = ()) -> Panel:
    """What was recorded about the row, and about its parts in ``also``, with who did it."""
    events = Event.objects.filter(object_id__in=[each.pk for each in (row, *also)]).order_by(
        "-created_at", "-sequence"
    )
    shown = events[:EVENTS_SHOWN_MAX]
    return Panel(
        title="Recorded events",
        columns=("Time", "Event", "By", "Sequence"),
        rows=[
            (
                cells.time(event.created_at),
                cells.link(event.type, page_url(event)),
                people.actor(event.actor),
                Cell(str(event.sequence), number=True),
            )
            for event in shown
        ],
        empty="No event names this object.",
    )
