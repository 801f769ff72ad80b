"""The talk with custodians: tell them what is due, fetch what they put out. No I/O in transactions."""

from datetime import datetime, timedelta

import structlog

from core.actors import Actor, system
from core.errors import StateConflict
from core.units import Units
from core.work import claim_due
from custody import queries, services
from custody.models import Custodian, Delivery, Deposit
from custody.providers.custodian import (
    CustodianClient,
    CustodianRefused,
    CustodianUnavailable,
    Instruction,
)
from custody.providers.files import FileRefused
from custody.states import MessageChannel
from kyc.policy import InvestorNotApproved, NotEligible

ACTOR: Actor = system("custody.exchange")
LEASE = timedelta(seconds=60)
BATCH_MAX = 50
# A fund between two ISINs cannot be named today; one such row must not silence all the others.
_NOT_SENT = (CustodianUnavailable, CustodianRefused, queries.UnknownFund)
_log = structlog.get_logger(__name__)


def exchange(*, custodian: Custodian, client: CustodianClient, now: datetime) -> None:
    """One round with one custodian: advices and instructions out, files in."""
    tell(custodian=custodian, client=client, now=now)
    fetch(custodian=custodian, client=client, now=now)


def tell(*, custodian: Custodian, client: CustodianClient, now: datetime) -> None:
    """Send what is due. A row is marked as told before it is sent; what fails is sent again."""
    deposits = Deposit.objects.filter(custody_account__custodian=custodian)
    for deposit in claim_due(deposits, now=now, lease=LEASE, limit=BATCH_MAX):
        _advise(deposit, client=client, now=now)
    deliveries = Delivery.objects.filter(custody_account__custodian=custodian)
    for delivery in claim_due(deliveries, now=now, lease=LEASE, limit=BATCH_MAX):
        _instruct(delivery, client=client, now=now)


def fetch(*, custodian: Custodian, client: CustodianClient, now: datetime) -> None:
    """Import new files in their order. A refused one leaves a break and is passed over."""
    try:
        files = client.files(after=queries.files_cursor(custodian.pk))
    except (CustodianUnavailable, CustodianRefused) as error:
        _log.warning("custodian_files_unavailable", custodian=custodian.code, reason=error.code)
        return
    for file in files:
        try:
            services.import_statement(
                custodian_id=custodian.pk,
                raw=file.raw,
                channel=MessageChannel.CUSTODIAN,
                actor=ACTOR,
                now=now,
                cursor=file.sequence,
            )
        except FileRefused as refusal:
            _log.warning(
                "custodian_file_refused",
                custodian=custodian.code,
                sequence=file.sequence,
                code=refusal.code,
            )
            services.pass_over_file(custodian_id=custodian.pk, cursor=file.sequence)


def _advise(deposit: Deposit, *, client: CustodianClient, now: datetime) -> None:
    try:
        fresh = services.begin_deposit_advice(deposit=deposit, now=now)
    except StateConflict:
        services.note_sent(movement=deposit)  # called off before it was told: nothing to send
        return
    try:
        client.advise(_instruction(fresh, now=now))
    except _NOT_SENT as error:
        _log.warning("deposit_not_advised", deposit=deposit.public_id, reason=error.code)
        services.note_not_sent(movement=deposit, now=now)
    else:
        services.note_sent(movement=deposit)


def _instruct(delivery: Delivery, *, client: CustodianClient, now: datetime) -> None:
    try:
        fresh = services.begin_delivery_instruction(delivery=delivery, actor=ACTOR, now=now)
    except (services.ClaimsUnknown, services.SharesClaimed) as refusal:
        _log.warning("delivery_waits", delivery=delivery.public_id, reason=refusal.code)
        services.note_claims_awaited(delivery=delivery, reason_code=refusal.code, now=now)
        return
    except services.CapStillHigh:
        services.note_cap_awaited(delivery=delivery, now=now)
        return
    except StateConflict:
        services.note_sent(movement=delivery)  # called off before it was told: nothing to send
        return
    except (NotEligible, InvestorNotApproved) as refusal:
        _log.warning("delivery_held", delivery=delivery.public_id, reason=refusal.code)
        services.note_held(delivery=delivery, reason_code=refusal.code, now=now)
        return
    try:
        client.instruct(_instruction(fresh, now=now))
    except _NOT_SENT as error:
        _log.warning("delivery_not_instructed", delivery=delivery.public_id, reason=error.code)
        services.note_not_sent(movement=delivery, now=now)
    else:
        services.note_sent(movement=delivery)


def _instruction(movement: Deposit | Delivery, *, now: datetime) -> Instruction:
    return Instruction(
        our_reference=movement.public_id,
        account=movement.custody_account.number,
        isin=queries.isin_of(fund_id=movement.fund_id, on=now.date()),
        quantity=Units(movement.quantity),
        participant=movement.destination_participant if isinstance(movement, Delivery) else "",
        destination=movement.destination_account if isinstance(movement, Delivery) else "",
    )
