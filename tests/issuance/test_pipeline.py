"""The pipeline on a real chain and a real database."""

from core.units import parse_quantity
from custody import queries as custody_queries
from issuance.models import Order
from issuance.states import OrderType


def status(order):
    return Order.objects.get(pk=order.pk).status


def test_a_mint_is_signed_once_included_and_completed_at_finality(ready):
    order = ready.order("600.25")
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == parse_quantity("600.25")
    assert custody_queries.backing(ready.token.pk) == parse_quantity("600.25")
    assert ready.reader.balance(ready.wallet.address) == parse_quantity("600.25")


def test_a_redemption_burns_and_frees_the_shares(ready):
    minted = ready.order("600.25")
    ready.until(lambda: status(minted) == "COMPLETED")
    order = ready.order("100", OrderType.REDEEM)
    assert status(order) == "AWAITING_TOKENS"
    ready.holder_key.request_redeem(
        ready.node,
        contract=ready.token.address,
        order_id=order.onchain_id,
        amount=order.quantity,
    )
    ready.until(lambda: status(order) == "COMPLETED")
    assert ready.reader.supply() == parse_quantity("500.25")
    position = custody_queries.position(ready.fund.pk)
    assert position.backing == parse_quantity("500.25")
    assert position.free == parse_quantity("499.75")
