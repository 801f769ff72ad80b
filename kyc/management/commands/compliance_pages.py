"""Write the pages of docs/compliance that follow from the code."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from kyc.policy import pages


class Command(BaseCommand):
    """``compliance_pages``: writes facts.md and rules.md."""

    help = "Write docs/compliance/facts.md and rules.md from the vocabulary and the policies."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        folder = Path(settings.ROOT) / "docs" / "compliance"
        for name, page in (("facts.md", pages.facts_page()), ("rules.md", pages.rules_page())):
            (folder / name).write_text(page, encoding="utf-8")
            self.stdout.write(f"docs/compliance/{name}")
