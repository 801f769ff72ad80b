"""Moves whose legs have all ended get their own end; the hand-over itself belongs to settlement."""

from datetime import datetime

from issuance import queries, services
from issuance.pipeline.walls import Piece, Wall
from issuance.states import Work

CONCLUDED_MAX = 200


def conclude_due(*, now: datetime) -> int:
    """End every move whose legs are over; returns how many ended."""
    ended = queries.ended_moves().select_related("from_token").order_by("pk")[:CONCLUDED_MAX]
    concluded = 0
    for row in list(ended):
        with Wall(piece=Piece.of(Work.CONCLUDE, row.from_token), now=now):
            concluded += services.conclude_move(move_id=row.pk, now=now)
    return concluded
