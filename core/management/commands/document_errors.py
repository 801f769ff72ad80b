"""Write docs/api/errors.md from the refusals in the code."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from core.api.document import error_codes

PATH = Path(settings.ROOT) / "docs" / "api" / "errors.md"
_HEAD = """# Errors

Every error answer is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`,
`instance`, `code`, `retryable`, `request_id`, and `errors` (JSON pointers) when fields are to blame.
A code never changes its meaning. Written by `manage.py document_errors`; do not edit.

| code | status | meaning | retry with the same key |
|---|---|---|---|
"""


class Command(BaseCommand):
    help = "Write docs/api/errors.md."

    def handle(self, *_: object, **__: object) -> None:
        PATH.write_text(text())
        self.stdout.write(str(PATH))


def text() -> str:
    """The page."""
    rows = [
        f"| `{each.code}` | {', '.join(map(str, each.statuses))} | {' '.join(each.meanings)}"
        f" | {'yes' if each.retryable else 'no'} |"
        for each in error_codes()
    ]
    return _HEAD + "\n".join(rows) + "\n"
