"""The clockwork of kyc; every task is a sweep over due rows."""

from celery import shared_task
from django.utils import timezone

from kyc import queries, services

EXPIRIES_PER_SWEEP_MAX = 500


@shared_task(name="kyc.expire_approvals", ignore_result=True)
def expire_approvals() -> None:
    """Suspend approved investors whose KYC has run out."""
    now = timezone.now()
    for investor in queries.expired_approvals(now=now)[:EXPIRIES_PER_SWEEP_MAX]:
        services.expire_approval(investor_id=investor.pk, now=now)
