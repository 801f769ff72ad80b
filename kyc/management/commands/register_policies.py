"""Store the text of every policy of this release."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from kyc import services


class Command(BaseCommand):
    """``register_policies``: idempotent; prints name, number and SHA-256 of each policy."""

    help = "Store the text of every policy of this release."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        for line in services.register_policies(now=timezone.now()):
            self.stdout.write(line)
