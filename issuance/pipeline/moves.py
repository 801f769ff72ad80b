"""Moves whose legs have all ended get their own end; the hand-over itself belongs to settlement."""

from datetime import datetime

from issuance import queries, services

CONCLUDED_MAX = 200


def conclude_due(*, now: datetime) -> int:
    """End every move whose legs are over; returns how many ended."""
    ids = queries.ended_moves().order_by("pk").values_list("pk", flat=True)[:CONCLUDED_MAX]
    return sum(services.conclude_move(move_id=move_id, now=now) for move_id in list(ids))
