"""Celery's hands in custody: one round with every reachable custodian."""

from celery import shared_task
from django.utils import timezone

from custody import pipeline, queries
from custody.providers import registry


@shared_task(name="custody.exchange_with_custodians")
def exchange_with_custodians() -> None:
    """Send what is due and import what came, for each custodian that has a client."""
    for custodian in queries.custodians(codes=registry.reachable_codes()):
        client = registry.client_for(custodian.code)
        pipeline.exchange(custodian=custodian, client=client, now=timezone.now())
