"""What a key's policy forbids gets no nonce: the order waits and says so, and the others go on."""

from dataclasses import replace
from typing import Any

import pytest

from config.portal.reasons import order_reason
from core.units import parse_quantity
from issuance.chain.errors import CallReverted, SignerRefused
from issuance.chain.signer import Limits, LocalSigner, Permission, SignerPolicy
from issuance.chain.types import Fees
from issuance.models import ChainTransaction, Order
from issuance.pipeline import sign
from issuance.pipeline.planning import Simulation, plan, plan_each
from issuance.states import OrderType
from tests.issuance.stage import secret

FEES = Fees(max_fee=2, tip=1)


def limited(stage, **limits):
    """The world in which the issuing key has these limits."""
    permission = Permission(
        stage.token.chain_id, "ISSUER", stage.token.address, limits=Limits(**limits)
    )
    key = LocalSigner(secret("ISSUER"), policies=SignerPolicy(frozenset({permission})))
    known = stage.world.key_for
    return replace(
        stage.world,
        key_for=lambda address: key if address == key.address else known(address),
    )


def fresh(order):
    return Order.objects.get(pk=order.pk)


def status(order):
    return fresh(order).status


def mints():
    return ChainTransaction.objects.filter(kind="MINT")


def test_one_order_above_the_keys_limit_waits_alone_and_visibly(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    generous, ready.world = ready.world, limited(ready, units_per_item=parse_quantity("50"))
    small = [ready.order("10"), ready.order("20")]
    large = ready.order("51")
    small += [ready.order("30"), ready.order("50")]
    ready.tick()
    # Together, although the culprit was claimed among them.
    assert {status(order) for order in small} == {"SUBMITTED"}
    assert mints().count() == 1
    ready.until(lambda: all(status(order) == "COMPLETED" for order in small))
    for _ in range(8):
        ready.hurry()
        ready.tick(blocks=1)
    held = fresh(large)
    assert (held.status, held.reason_code, held.requeues) == ("QUEUED", "signer_refused", 0)
    assert "policy.json" in order_reason(held)
    assert mints().count() == 1
    ready.world = generous
    ready.until(lambda: status(large) == "COMPLETED")
    assert fresh(large).reason_code == ""
    assert ready.reader.supply() == parse_quantity("161")


def test_a_redemption_above_the_keys_limit_waits_and_says_so(ready):
    order = ready.order("60")
    ready.until(lambda: status(order) == "COMPLETED")
    ready.world = limited(ready, units_per_item=parse_quantity("50"))
    leaving = ready.order("60", OrderType.REDEEM)
    ready.holder_key.request_redeem(
        ready.node,
        contract=ready.token.address,
        order_id=leaving.onchain_id,
        amount=leaving.quantity,
    )
    ready.until(lambda: fresh(leaving).reason_code == "signer_refused")
    assert status(leaving) == "QUEUED"
    assert not ChainTransaction.objects.filter(kind="BURN").exists()


def test_orders_that_only_together_are_too_much_go_in_several_calls(ready):
    ready.world = limited(ready, units_per_call=parse_quantity("50"))
    orders = [ready.order("20") for _ in range(4)]
    ready.until(lambda: all(status(order) == "COMPLETED" for order in orders))
    assert mints().count() == 2


def test_a_key_that_may_do_nothing_numbers_nothing(ready):
    numbered, world = ChainTransaction.objects.count(), ready.world
    bare = LocalSigner(secret("ISSUER"), policies=SignerPolicy(frozenset()))
    known = world.key_for
    ready.world = replace(
        world, key_for=lambda address: bare if address == bare.address else known(address)
    )
    orders = [ready.order("10") for _ in range(3)]
    ready.tick()
    assert {fresh(order).reason_code for order in orders} == {"signer_refused"}
    assert ChainTransaction.objects.count() == numbered


# --- the plan by itself ----------------------------------------------------------------------------


class Desk:
    """A chain that reverts for some rows and a key that forbids others; it counts the questions."""

    chain_id, address = 1, "0x" + "11" * 20

    def __init__(self, *, reverting=(), forbidden=(), most=10**9, gas_most=10**9):
        self.reverting, self.forbidden = set(reverting), set(forbidden)
        self.most, self.gas_most = most, gas_most
        self.simulated, self.asked, self.requests = 0, 0, 0

    def simulate(self, *, sender, to, data):
        assert (sender, to) == (self.address, "0xc0")
        self.simulated += 1
        if self.reverting & set(data):
            raise CallReverted("Refused")
        return 1_000_000 * len(data)

    def simulate_many(self, *, sender, to, datas):
        assert (sender, to) == (self.address, "0xc0")
        self.requests += 1
        fine = [not self.reverting & set(data) for data in datas]
        return [1_000_000 * len(data) if ok else None for data, ok in zip(datas, fine, strict=True)]

    def require(self, unsigned):
        self.asked += 1
        assert unsigned.fees == FEES
        rows = unsigned.data
        if self.forbidden & set(rows) or len(rows) > self.most or unsigned.gas > self.gas_most:
            raise SignerRefused("too much")


def simulation(desk):
    outside: Any = desk
    return Simulation(chain=outside, key=outside, fees=FEES, to="0xc0", encode=bytes)


def planned(desk, rows):
    return plan(rows, simulation=simulation(desk))


def outcome(found):
    return (
        found.passing,
        [row for row, _ in found.refused],
        [row for row, _ in found.forbidden],
    )


def test_the_forbidden_are_found_without_asking_a_node_for_each():
    desk, rows = Desk(forbidden={7, 90}), list(range(100))
    found = planned(desk, rows)
    assert outcome(found) == ([row for row in rows if row not in {7, 90}], [], [7, 90])
    assert desk.simulated == 2


def test_a_batch_that_passes_is_simulated_and_asked_about_once():
    desk = Desk()
    assert outcome(planned(desk, list(range(100)))) == (list(range(100)), [], [])
    assert (desk.simulated, desk.asked) == (1, 1)


def test_a_culprit_of_each_kind_is_named_and_half_of_the_others_goes():
    found = planned(Desk(reverting={1}, forbidden={6}), list(range(8)))
    assert outcome(found) == ([0], [1], [6])


@pytest.mark.parametrize(
    ("desk", "passing"),
    [(Desk(most=3), [0, 1]), (Desk(gas_most=3_000_000), [0, 1])],
    ids=["rows", "gas"],
)
def test_what_is_too_much_for_one_call_goes_in_parts_and_is_nobodys_fault(desk, passing):
    assert outcome(planned(desk, list(range(8)))) == (passing, [], [])


def test_an_order_that_needs_more_gas_than_the_key_may_spend_is_named():
    assert outcome(planned(Desk(gas_most=1_000_000), [4])) == ([], [], [4])


def test_nothing_is_planned_when_everything_is_forbidden():
    found = planned(Desk(forbidden=range(5)), list(range(5)))
    assert outcome(found) == ([], [], [0, 1, 2, 3, 4])
    assert found.gas == 0


def test_many_batches_are_tried_in_one_request_and_only_what_reverts_is_asked_about_again():
    desk, batches = Desk(reverting={4}, forbidden={6}), [[row] for row in range(8)]
    found = [outcome(each) for each in plan_each(batches, simulation=simulation(desk))]
    expected = [outcome(planned(Desk(reverting={4}, forbidden={6}), rows)) for rows in batches]
    assert found == expected
    assert (found[4], found[6]) == (([], [4], []), ([], [], [6]))
    assert (desk.requests, desk.simulated) == (1, 1)


def test_a_batch_that_was_tried_with_others_gets_the_gas_it_gets_alone():
    desk, batches = Desk(), [[0], [1, 2]]
    together = plan_each(batches, simulation=simulation(desk))
    assert together == [planned(desk, rows) for rows in batches]
