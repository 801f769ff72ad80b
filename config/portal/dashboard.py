"""What the dashboard shows, read from stored rows only."""

from typing import Any

from django.http import HttpRequest


def context(_request: HttpRequest) -> dict[str, Any]:
    """The template's values for this person."""
    return {}
