"""After the storm of a benchmark: whatever a fast pipeline might have broken is checked whole."""

from django.db.models import Count, Sum

from core import audit
from custody import queries as custody_queries
from custody.ledger.audit import audit as audit_ledger
from issuance import invariants
from issuance.chain import registry
from issuance.chain.token import TokenReader
from issuance.models import ChainTransactionOrder, Order, Token, TokenLog
from issuance.states import OrderStatus, OrderType


def faults(token: Token) -> list[str]:
    """Every disagreement between chain, ledger, orders and events; none is good."""
    found = [f"invariant {each.name}: {each.detail}" for each in invariants.check_all()]
    found += audit_ledger()
    found += [
        f"event {flaw.sequence} of stream {flaw.stream_id}: {flaw.what}" for flaw in audit.flaws()
    ]
    return found + _supply(token) + _events(token)


def _supply(token: Token) -> list[str]:
    mints = Order.objects.filter(token=token, type=OrderType.MINT, status=OrderStatus.COMPLETED)
    expected = int(mints.aggregate(total=Sum("quantity"))["total"] or 0)
    reader = TokenReader(registry.client_for(token.network), token.address)
    supply = reader.supply(at="finalized")
    backing = custody_queries.backing(token.pk)
    found = []
    if supply != expected:
        found.append(f"supply is {supply}, completed mints are {expected}")
    if supply > backing:
        found.append(f"supply is {supply}, backing only {backing}")
    return found


def _events(token: Token) -> list[str]:
    """Each order exactly one mint on chain and one binding that was executed."""
    minted = TokenLog.objects.filter(token=token, kind="ORDER_MINTED")
    twice = minted.values("onchain_id").annotate(times=Count("id")).filter(times__gt=1).count()
    done = Order.objects.filter(token=token, status=OrderStatus.COMPLETED)
    found = [f"{twice} order ids were minted twice"] if twice else []
    if minted.count() != done.count():
        found.append(f"{minted.count()} mints on chain, {done.count()} completed orders")
    foreign = minted.exclude(order__status=OrderStatus.COMPLETED).count()
    if foreign:
        found.append(f"{foreign} mints on chain belong to no completed order")
    executed = ChainTransactionOrder.objects.filter(order__token=token, outcome="executed").count()
    if executed != done.count():
        found.append(f"{executed} executed bindings, {done.count()} completed orders")
    return found
