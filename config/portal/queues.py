"""The work queues: what waits, how much of it, since when, and where to go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse

from core.models import Breaker, WebhookDelivery
from core.states import BreakerStatus, DeliveryState
from custody.models import Break, Delivery, Deposit
from custody.states import BreakStatus, DeliveryStatus, DepositStatus
from issuance.models import ChainTransaction, Order
from issuance.states import CHAIN_TRANSACTION_FINAL, ORDER_FINAL, OrderStatus
from kyc.models import Investor, Override
from kyc.states import InvestorStatus, OverrideStatus

DEPOSITS_ENDED = (
    DepositStatus.SETTLED,
    DepositStatus.REJECTED,
    DepositStatus.CANCELLED,
    DepositStatus.REVERSED,
)
DELIVERIES_ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.REJECTED, DeliveryStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Queue:
    """A kind of waiting. ``needs_person`` tells work for people from work for workers."""

    key: str
    title: str
    model: type[models.Model]
    waits: Callable[[], Q]
    since: str
    query: str
    needs_person: bool = True

    @property
    def href(self) -> str:
        """The list filtered to this queue."""
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist") + self.query

    def is_visible(self, request: HttpRequest) -> bool:
        """Whether the person may see its rows."""
        return bool(admin.site.get_model_admin(self.model).has_view_permission(request))


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a queue holds now."""

    queue: Queue
    count: int
    oldest_at: datetime | None


QUEUES = (
    Queue(
        "investors",
        "Investors to review",
        Investor,
        lambda: Q(status=InvestorStatus.IN_REVIEW),
        "submitted_at",
        "?status__exact=IN_REVIEW",
    ),
    Queue(
        "overrides",
        "Overrides to approve",
        Override,
        lambda: Q(status=OverrideStatus.PROPOSED),
        "created_at",
        "?status__exact=PROPOSED",
    ),
    Queue(
        "orders",
        "Orders to approve",
        Order,
        lambda: Q(status=OrderStatus.AWAITING_APPROVAL),
        "created_at",
        "?status__exact=AWAITING_APPROVAL",
    ),
    Queue(
        "breaks",
        "Breaks to resolve",
        Break,
        lambda: Q(status__in=[BreakStatus.OPEN, BreakStatus.PROPOSED]),
        "created_at",
        "",
    ),
    Queue(
        "breakers",
        "Open breakers",
        Breaker,
        lambda: Q(status=BreakerStatus.OPEN),
        "opened_at",
        "?status__exact=OPEN",
    ),
    Queue(
        "webhooks",
        "Failed webhook deliveries",
        WebhookDelivery,
        lambda: Q(state=DeliveryState.FAILED),
        "created_at",
        "?state__exact=FAILED",
    ),
    Queue(
        "orders_moving",
        "Orders on their way",
        Order,
        lambda: ~Q(status__in=[*ORDER_FINAL, OrderStatus.AWAITING_APPROVAL]),
        "created_at",
        "",
        needs_person=False,
    ),
    Queue(
        "transactions",
        "Chain transactions not final",
        ChainTransaction,
        lambda: ~Q(status__in=CHAIN_TRANSACTION_FINAL),
        "created_at",
        "",
        needs_person=False,
    ),
    Queue(
        "deposits",
        "Deposits not settled",
        Deposit,
        lambda: ~Q(status__in=DEPOSITS_ENDED),
        "created_at",
        "",
        needs_person=False,
    ),
    Queue(
        "deliveries",
        "Deliveries on their way",
        Delivery,
        lambda: ~Q(status__in=DELIVERIES_ENDED),
        "created_at",
        "",
        needs_person=False,
    ),
    Queue(
        "webhooks_pending",
        "Webhooks to send",
        WebhookDelivery,
        lambda: Q(state=DeliveryState.PENDING),
        "created_at",
        "?state__exact=PENDING",
        needs_person=False,
    ),
)


def waiting(request: HttpRequest) -> list[Waiting]:
    """Every queue the person may see, with its size and oldest item."""
    return [measure(queue) for queue in QUEUES if queue.is_visible(request)]


def measure(queue: Queue) -> Waiting:
    """The size of one queue and how long its oldest item has waited."""
    rows = queue.model._default_manager.filter(queue.waits())
    found = rows.aggregate(count=Count("pk"), oldest_at=Min(queue.since))
    return Waiting(queue, found["count"], found["oldest_at"])


def by_model(label: str) -> Queue | None:
    """The queue of people's work on that model, for a badge in the sidebar."""
    model = apps.get_model(label)
    return next((each for each in QUEUES if each.model is model and each.needs_person), None)
