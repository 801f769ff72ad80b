"""Check what must always hold and say what does not; read-only."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from issuance.invariants import check_all


class Command(BaseCommand):
    """``check_invariants``: exit 0 and an empty list, or exit 1 and each violation."""

    help = "Print every violated invariant as JSON; opens no breaker."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        found = check_all()
        rows = [
            {"name": each.name, "breaker": each.breaker, "detail": each.detail} for each in found
        ]
        self.stdout.write(json.dumps(rows))
        if found:
            raise CommandError(f"{len(found)} violated")
