"""Leases given back: what was claimed together and not bound is due again, and says why it waits.

Whoever writes to several rows of a hot table locks them in id order first. One UPDATE over them
takes them as they lie on disk, and two of those wait for each other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Case, F, QuerySet, When

from core.use_case import use_case
from core.work import WorkRow
from issuance.models import Holder, Order
from issuance.states import HolderStatus

Row = TypeVar("Row", bound=WorkRow)


@use_case
def give_back_orders(*, orders: Sequence[Order], at: datetime, reason_code: str = "") -> None:
    """Give back the leases of whatever was not bound, for ``at`` or later, and say why it waits.

    What another worker has claimed since is that one's.
    """
    if held := _held(Order.objects.all(), orders):
        later = Case(
            When(next_attempt_at__lt=at, then=at),
            default=F("next_attempt_at"),
        )
        reason = {"reason_code": reason_code} if reason_code else {}
        Order.objects.filter(pk__in=held).update(leased_until=None, next_attempt_at=later, **reason)


@use_case
def give_back_holders(*, holders: Sequence[Holder], at: datetime) -> None:
    """Let register entries that were not written wait until ``at``.

    What another worker has claimed since is that one's.
    """
    pending = Holder.objects.filter(status=HolderStatus.PENDING)
    if held := _held(pending, holders):
        Holder.objects.filter(pk__in=held).update(leased_until=None, next_attempt_at=at)


def _held(rows: QuerySet[Row], claimed: Sequence[Row]) -> list[UUID]:
    """Which of them are still ours, locked in id order."""
    leases = {each.leased_until for each in claimed} - {None}
    ours = rows.filter(pk__in=[each.pk for each in claimed], leased_until__in=leases)
    return list(ours.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
