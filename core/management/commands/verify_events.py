"""Check the hash chain of every event stream."""

from django.core.management.base import BaseCommand, CommandError

from core.audit import flaws
from core.models import Event


class Command(BaseCommand):
    help = "Check that no event is missing or changed; fails naming each flaw."

    def handle(self, *_: object, **__: object) -> None:
        found = [f"stream {each.stream_id}, event {each.sequence}: {each.what}" for each in flaws()]
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write(f"{Event.objects.count()} events, whole")
