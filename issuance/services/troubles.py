"""What keeps a piece of the pipeline's work from being done: kept in sight while it lasts."""

from datetime import datetime

from core.use_case import use_case
from issuance.models import Trouble
from issuance.models.troubles import LAPSE

NOTE_LENGTH_MAX = 200


@use_case
def record_trouble(
    *, work: str, network: str, subject: str, code: str, note: str, ours: bool, now: datetime
) -> None:
    """Note that a piece of work failed now; see ``Trouble`` for what the words mean.

    ``note`` holds no personal data: people of the issuer read it, whoever they are.
    """
    row, _ = Trouble.objects.select_for_update(no_key=True).get_or_create(
        work=work,
        network=network,
        subject=subject,
        defaults={"code": code, "since": now, "seen_at": now},
    )
    if row.seen_at < now - LAPSE:
        row.since, row.times = now, 0
    row.code, row.note, row.ours = code, note[:NOTE_LENGTH_MAX], ours
    row.times, row.seen_at = row.times + 1, max(row.seen_at, now)
    row.save(update_fields=["code", "note", "ours", "times", "since", "seen_at"])
