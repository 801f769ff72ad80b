"""Signs of life: one row per process, overwritten, so the portal sees who stopped."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.models import Heartbeat


def beat(*, name: str, now: datetime, detail: Mapping[str, Any] | None = None) -> None:
    """Record that ``name`` is alive. ``detail`` holds small public facts such as a version."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=now, detail=dict(detail or {}))],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["beat_at", "detail"],
    )
