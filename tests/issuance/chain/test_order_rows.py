"""The orders of a batch as calldata: what eth_abi would write, and nothing that its types refuse."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from issuance.chain import token
from issuance.chain.types import OrderItem

TYPES = ["(uint64,address,uint96)[]"]
ALICE = "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
LARGEST = OrderItem(order_id=2**64 - 1, account=ALICE, amount=2**96 - 1)


@pytest.mark.parametrize(
    "orders",
    [
        [],
        [OrderItem(order_id=1, account=ALICE, amount=10**18)],
        [LARGEST, OrderItem(order_id=0, account="0x" + "00" * 19 + "01", amount=0)],
        [OrderItem(order_id=n, account=ALICE, amount=n) for n in range(400)],
    ],
    ids=["none", "one", "extremes", "a full batch"],
)
@pytest.mark.parametrize(
    ("written", "name"),
    [(token.encode_mint_batch, "mintBatch"), (token.encode_burn_batch, "burnBatch")],
    ids=["mints", "burns"],
)
def test_orders_are_written_as_eth_abi_writes_them(written, name, orders):
    rows = [(order.order_id, order.account, order.amount) for order in orders]
    selector = keccak(text=f"{name}({TYPES[0]})")[:4]
    assert written(orders) == selector + encode(TYPES, [rows])


@pytest.mark.parametrize(
    "order",
    [
        OrderItem(order_id=2**64, account=ALICE, amount=1),
        OrderItem(order_id=1, account=ALICE, amount=2**96),
        OrderItem(order_id=-1, account=ALICE, amount=1),
        OrderItem(order_id=1, account=ALICE, amount=-1),
        OrderItem(order_id=1, account=ALICE[:-2], amount=1),
        OrderItem(order_id=1, account="", amount=1),
        OrderItem(order_id=1, account="Alice", amount=1),
    ],
    ids=["wide id", "wide amount", "negative id", "negative amount", "short", "nobody", "a name"],
)
def test_an_order_that_does_not_fit_is_not_written(order):
    with pytest.raises((OverflowError, ValueError)):
        token.encode_mint_batch([order])
