"""Numbered, signed outside, kept, sent: two workers keep one form, and a halt keeps none."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from core.errors import HaltActive, StateConflict
from core.models import Event
from custody.providers.custodian import CustodianUnavailable, SignedAttestation
from issuance import queries, services
from issuance.chain.errors import FeeCeilingReached, KeystoreUnreadable, WrongSignature
from issuance.chain.signer import LocalSigner, Permission, SignerPolicy
from issuance.chain.types import Fees, SendAnswer, SendKind
from issuance.models import Attempt, ChainTransaction, Order, Signer
from issuance.pipeline import advance, sign
from issuance.pipeline.world import World
from issuance.services import lanes
from issuance.states import SignerRole
from tests.issuance import paper as papers
from tests.issuance.stage import OPERATOR, secret
from tests.issuance.test_assignment import sign_for

FEES = Fees(max_fee=2_000, tip=1_000)


class Node:
    """A chain that names a price and takes everything; what it got is kept."""

    def __init__(self, fees=FEES):
        self.price, self.got = fees, []

    def fees(self):
        if self.price is None:
            raise FeeCeilingReached("dear today")
        return self.price

    def bump(self, offered):
        return Fees(max_fee=offered.max_fee * 9 // 8, tip=offered.tip * 9 // 8)

    def send(self, raw):
        self.got.append(raw)
        return SendAnswer(SendKind.ACCEPTED)


class Meddler:
    """A key that lets something happen while it is asked."""

    def __init__(self, key, meddle):
        self.key, self.meddle, self.asked = key, meddle, 0

    @property
    def address(self):
        return self.key.address

    def sign(self, unsigned):
        self.asked += 1
        self.meddle()
        return self.key.sign(unsigned)


@pytest.fixture
def paper(transactional_db):  # noqa: ARG001 - asked for its effect
    paper = papers.build()
    Signer.objects.filter(role="ISSUER").update(address=key_of(paper).address)
    return paper


def key_of(paper, name="ISSUER"):
    permission = Permission(paper.token.chain_id, "ISSUER", paper.token.address)
    return LocalSigner(secret(name), policies=SignerPolicy(frozenset({permission})))


def world_with(node: Any, key: Any) -> World:
    return World(chain_for=lambda _: node, key_for=lambda _: key, attest=no_figure)


def no_figure(*_: object) -> SignedAttestation:
    raise CustodianUnavailable


def numbered(paper):
    row = sign_for(paper.order())
    return ChainTransaction.objects.select_related("token", "signer").get(pk=row.pk)


def halt(paper):
    services.trip(name=queries.token_breaker(paper.token), reason="doubt", now=timezone.now())


def connection_info():
    """Another session at the test's database."""
    known = connection.get_connection_params()
    keys = ("dbname", "user", "host", "port", "password")
    return psycopg.conninfo.make_conninfo(**{key: known[key] for key in keys if known.get(key)})


def note():
    return ChainTransaction.objects.get().last_note


def test_a_numbered_call_has_no_bytes_and_its_order_no_hash(paper):
    row = numbered(paper)
    order = Order.objects.get()
    assert (row.status, order.status, order.tx_hash) == ("ASSIGNED", "SUBMITTED", "")
    assert not Attempt.objects.exists()
    said = json.loads(bytes(Event.objects.get(type="order.submitted").body))
    assert said["data"].get("tx_hash") is None
    assert said["data"]["object"]["tx_hash"] is None


def test_the_first_form_that_is_kept_names_the_orders_hash(paper):
    row, before = numbered(paper), Order.objects.get().version
    world = world_with(Node(), key_of(paper))
    attempt = sign.sign_first(row=row, world=world, now=timezone.now())
    assert attempt is not None
    order = Order.objects.get()
    assert (order.tx_hash, order.version) == (attempt.tx_hash, before + 1)
    assert (attempt.sequence, attempt.max_fee_wei, attempt.cancels) == (1, 2_000, False)


def test_of_two_workers_that_sign_at_once_one_keeps_and_sends(paper):
    row, node, key = numbered(paper), Node(), key_of(paper)
    quick = world_with(Node(Fees(max_fee=3_000, tip=1_000)), key)
    slow = Meddler(key, lambda: sign.sign_first(row=row, world=quick, now=timezone.now()))
    assert not sign.sign_and_send(row=row, world=world_with(node, slow), now=timezone.now())
    kept = Attempt.objects.get()
    assert (kept.max_fee_wei, kept.sequence, node.got) == (3_000, 1, [])
    assert Order.objects.get().tx_hash == kept.tx_hash


def test_two_workers_that_raise_a_price_at_once_raise_it_once(paper):
    row, key = numbered(paper), key_of(paper)
    world = world_with(Node(), key)
    first = sign.sign_first(row=row, world=world, now=timezone.now())
    assert first is not None
    again: dict[str, Any] = {"row": row, "newest": first, "now": timezone.now()}
    quick = world_with(Node(Fees(max_fee=9_000, tip=1_000)), key)
    slow = world_with(Node(), Meddler(key, lambda: sign.sign_dearer(world=quick, **again)))
    assert sign.sign_dearer(world=slow, **again) is None
    assert [each.max_fee_wei for each in Attempt.objects.order_by("sequence")] == [2_000, 9_000]
    assert Order.objects.get().tx_hash == first.tx_hash


def test_a_signature_of_another_key_is_kept_by_nobody_and_sent_to_nobody(paper):
    row, node = numbered(paper), Node()
    world = world_with(node, key_of(paper, "somebody else"))
    with pytest.raises(WrongSignature):
        sign.sign_first(row=row, world=world, now=timezone.now())
    assert not sign.sign_and_send(row=row, world=world, now=timezone.now())
    assert (Attempt.objects.count(), node.got) == (0, [])
    assert note().startswith("wrong_signature: ")


def test_bytes_with_another_nonce_are_refused_whoever_signed_them(paper):
    row, key = numbered(paper), key_of(paper)

    class Confused(Meddler):
        def sign(self, unsigned):
            return self.key.sign(replace(unsigned, nonce=unsigned.nonce + 1))

    world = world_with(Node(), Confused(key, None))
    with pytest.raises(WrongSignature, match="nonce"):
        sign.sign_first(row=row, world=world, now=timezone.now())
    assert not Attempt.objects.exists()


def test_a_halted_token_is_not_signed_for_and_its_signer_not_asked(paper):
    row, key = numbered(paper), Meddler(key_of(paper), lambda: None)
    halt(paper)
    with pytest.raises(HaltActive):
        sign.sign_first(row=row, world=world_with(Node(), key), now=timezone.now())
    assert key.asked == 0


def test_what_was_signed_while_a_breaker_opened_is_thrown_away(paper):
    row, node = numbered(paper), Node()
    key = Meddler(key_of(paper), lambda: halt(paper))
    assert not sign.sign_and_send(row=row, world=world_with(node, key), now=timezone.now())
    assert (key.asked, Attempt.objects.count(), node.got) == (1, 0, [])
    assert note().startswith("halt_active: ")
    assert Order.objects.get().tx_hash == ""


def test_a_price_is_raised_though_a_breaker_is_open(paper):
    row, world = numbered(paper), world_with(Node(), key_of(paper))
    first = sign.sign_first(row=row, world=world, now=timezone.now())
    assert first is not None
    halt(paper)
    dearer = sign.sign_dearer(row=row, newest=first, world=world, now=timezone.now())
    assert dearer is not None
    assert dearer.sequence == 2


def test_a_call_whose_signer_was_out_of_reach_is_signed_and_sent_by_a_later_sweep(paper):
    row, node = numbered(paper), Node()
    now = timezone.now()

    def lost(_):
        raise KeystoreUnreadable("gone")

    broken = replace(world_with(node, None), key_for=lost)
    assert not sign.sign_and_send(row=row, world=broken, now=now)
    assert note() == "keystore_unreadable: gone"
    later = now + sign.RETRY
    world = world_with(node, key_of(paper))
    assert advance.advance_due(world=world, clock=lambda: later) == 1
    row.refresh_from_db()
    assert (row.status, len(node.got)) == ("SENT", 1)
    assert bytes(Attempt.objects.get().raw) == node.got[0]


def test_a_price_above_the_ceiling_waits_and_loses_nothing(paper):
    row, node = numbered(paper), Node(fees=None)
    world = world_with(node, key_of(paper))
    assert not sign.sign_and_send(row=row, world=world, now=timezone.now())
    assert note().startswith("fee_ceiling: ")
    assert (Order.objects.get().status, Attempt.objects.count()) == ("SUBMITTED", 0)


# --- lanes ---------------------------------------------------------------------------------------
def add_lane(paper, name="second", **changes):
    signer = services.register_signer(
        network=paper.token.network,
        chain_id=paper.token.chain_id,
        address=key_of(paper, name).address,
        role=SignerRole.ISSUER,
        chain_nonce=0,
        actor=lanes.PIPELINE,
        now=timezone.now(),
    )
    Signer.objects.filter(pk=signer.pk).update(**changes)
    return signer


def test_the_lane_with_the_fewest_unfinished_transactions_is_taken(paper):
    numbered(paper)
    second = add_lane(paper)
    assert services.pick_lane(token=paper.token, role=SignerRole.ISSUER) == second


def test_a_lane_somebody_numbers_with_is_left_to_him(paper):
    numbered(paper)
    second = add_lane(paper)
    with psycopg.connect(connection_info()) as session:
        session.execute("SELECT 1 FROM issuance_signer WHERE id = %s FOR UPDATE", [second.pk])
        assert services.pick_lane(token=paper.token, role=SignerRole.ISSUER) != second


def test_a_halted_lane_takes_nothing_new_and_the_others_go_on(paper):
    second = add_lane(paper, halted=True, halted_reason="its role was taken")
    picked = {services.pick_lane(token=paper.token, role=SignerRole.ISSUER).pk for _ in range(8)}
    assert len(picked) == 1
    assert second.pk not in picked


def test_a_lane_is_taken_out_of_service_with_a_reason_and_back(paper):
    second, now = add_lane(paper), timezone.now()
    with pytest.raises(StateConflict):
        services.halt_signer(signer_id=second.pk, reason=" ", actor=OPERATOR, now=now)
    services.halt_signer(signer_id=second.pk, reason="its role goes", actor=OPERATOR, now=now)
    with pytest.raises(StateConflict):
        services.halt_signer(signer_id=second.pk, reason="again", actor=OPERATOR, now=now)
    second.refresh_from_db()
    assert (second.halted, second.halted_reason) == (True, "its role goes")
    services.resume_signer(signer_id=second.pk, actor=OPERATOR, now=now)
    with pytest.raises(StateConflict):
        services.resume_signer(signer_id=second.pk, actor=OPERATOR, now=now)
    said = Event.objects.filter(object_id=second.pk).order_by("sequence")
    assert [each.type for each in said] == [
        "signer.registered",
        "signer.halted",
        "signer.resumed",
    ]


def test_full_lanes_refuse_and_number_nothing(paper, monkeypatch):
    monkeypatch.setattr(lanes, "IN_FLIGHT_MAX", 1)
    numbered(paper)
    with pytest.raises(lanes.LaneBusy):
        services.pick_lane(token=paper.token, role=SignerRole.ISSUER)
    order = paper.order()
    with pytest.raises(lanes.LaneBusy):
        sign_for(order)
    assert (
        Order.objects.get(pk=order.pk).status,
        papers.issuing_signer(paper.token).next_nonce,
    ) == (
        "QUEUED",
        1,
    )


def test_a_role_without_a_key_is_refused_by_name(paper):
    Signer.objects.filter(role="COMPLIANCE").delete()
    with pytest.raises(lanes.SignerMissing) as refusal:
        services.pick_lane(token=paper.token, role=SignerRole.COMPLIANCE)
    assert refusal.value.code == "signer_missing"


def test_a_key_plays_one_role_on_a_chain(paper):
    known = papers.issuing_signer(paper.token)
    terms: dict[str, Any] = {
        "network": known.network,
        "chain_id": known.chain_id,
        "address": known.address.lower(),
        "chain_nonce": 5,
        "actor": lanes.PIPELINE,
        "now": timezone.now(),
    }
    assert services.register_signer(role=SignerRole.ISSUER, **terms) == known
    with pytest.raises(StateConflict):
        services.register_signer(role=SignerRole.COMPLIANCE, **terms)


def test_the_worker_that_numbered_has_a_head_start(paper):
    row, node = numbered(paper), Node()
    world = world_with(node, key_of(paper))
    early = row.created_at + lanes.HEAD_START - timedelta(seconds=1)
    assert advance.advance_due(world=world, clock=lambda: early) == 0
    late = row.created_at + lanes.HEAD_START
    assert advance.advance_due(world=world, clock=lambda: late) == 1
    assert len(node.got) == 1
