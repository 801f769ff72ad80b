"""Evaluate stored decisions again on their own texts and facts; any different byte is a failure."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import ids
from kyc.models import Decision
from kyc.policy.active import PolicyUnknown
from kyc.policy.replay import replay

_CHUNK = 500


class Command(BaseCommand):
    """``replay_decisions [dec_... ...]``: exit 0 when all are byte-identical, else 1."""

    help = "Replay all stored decisions, or the named ones, and compare every byte."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decisions", nargs="*", metavar="dec_...")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        rows = Decision.objects.order_by("pk")
        if options["decisions"]:
            wanted = [_read_id(text) for text in options["decisions"]]
            rows = rows.filter(pk__in=wanted)
            if rows.count() != len(set(wanted)):
                raise CommandError("Not every named decision is stored here.")
        total = different = 0
        for decision in rows.iterator(chunk_size=_CHUNK):
            total += 1
            problem = _problem(decision)
            if problem:
                different += 1
                self.stderr.write(f"{decision.public_id}: {problem}")
        self.stdout.write(f"replayed {total} decisions, {total - different} byte-identical")
        if different:
            raise CommandError(f"{different} decisions differ")


def _problem(decision: Decision) -> str:
    try:
        return replay(decision).problem
    except PolicyUnknown as gone:
        return f"policy {gone} is not stored"


def _read_id(text: str) -> Any:  # noqa: ANN401 - a uuid
    try:
        return ids.decode_id(Decision.PREFIX, text)
    except ids.IdInvalid as broken:
        raise CommandError(f"{text} is no decision id") from broken
