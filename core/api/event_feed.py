"""/v1/events: the truth behind the webhooks, in the very bytes they carry."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core import queries
from core.api.idempotency import Answer
from core.api.shapes import EventFeedOut, EventOut, EventsQuery
from core.api.views import ApiView, path_id


class Events(ApiView):
    scopes = {"GET": "events:read"}

    @extend_schema(
        summary="Read the event feed",
        description=(
            "Events in order of their sequence, which has no gap. A consumer that keeps the last "
            "sequence it saw misses nothing, whatever happened to its webhooks."
        ),
        parameters=[EventsQuery],
        responses=EventFeedOut,
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(EventsQuery)
        rows = queries.events(institution_id=self.institution_id)
        after, limit = query["after"], query["limit"]
        found = list(rows.filter(sequence__gt=after).order_by("sequence")[: limit + 1])
        page = found[:limit]
        bodies = b",".join(bytes(event.body) for event in page)
        more = b"true" if len(found) > limit else b"false"
        last = page[-1].sequence if page else after
        body = b'{"object":"list","data":[%s],"has_more":%s,"next_after":%d}'
        return self.respond(Answer(200, body % (bodies, more, last)))


class EventDetail(ApiView):
    scopes = {"GET": "events:read"}

    @extend_schema(summary="Read one event", responses=EventOut)
    def get(self, request: Request, event_id: str) -> HttpResponse:
        event = queries.event(institution_id=self.institution_id, event_id=path_id("evt", event_id))
        return self.respond(Answer(200, bytes(event.body)))
