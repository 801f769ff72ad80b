"""The token's rules, through our own encoding, on a real node."""

import pytest
from eth_utils.crypto import keccak

from issuance.chain import contracts, roles, token
from issuance.chain.errors import CallReverted
from issuance.chain.types import (
    Attested,
    HolderEntry,
    HolderSet,
    OrderBurned,
    OrderItem,
    OrderMinted,
    OrderRejected,
    RedeemCancelled,
    RedeemRequested,
    RejectReason,
    Transferred,
)
from issuance.chain.wallets import Wallet
from tests.issuance.chain.conftest import CHINA, SHARE, SWITZERLAND, YEAR, key

NOBODY = "0x0000000000000000000000000000000000000000"


def test_every_selector_we_send_is_a_function_of_the_token():
    known = contracts.selectors()
    ours = {name: value for name, value in vars(token).items() if type(value) is bytes}
    assert ours
    assert [name for name, selector in ours.items() if selector not in known] == []


def test_a_mint_gives_tokens_once_and_names_its_order(open_world):
    receipt = open_world.mint((7, open_world.alice, 600 * SHARE))
    events = open_world.events(receipt)
    minted = [event for event in events if isinstance(event, OrderMinted)]
    moved = [event for event in events if isinstance(event, Transferred)]
    assert [(e.order_id, e.account, e.amount) for e in minted] == [
        (7, open_world.alice.address, 600 * SHARE)
    ]
    assert [(e.sender, e.receiver) for e in moved] == [(NOBODY, open_world.alice.address)]
    assert open_world.reader.supply() == 600 * SHARE
    assert open_world.reader.balance(open_world.alice.address) == 600 * SHARE
    assert open_world.reader.is_executed(7)
    assert not open_world.reader.is_executed(8)


def test_a_replayed_order_id_reverts_the_whole_batch(open_world):
    open_world.mint((7, open_world.alice, SHARE))
    with pytest.raises(CallReverted) as refusal:
        open_world.mint((8, open_world.bob, SHARE), (7, open_world.alice, SHARE))
    assert (refusal.value.name, refusal.value.arguments) == ("OrderAlreadyExecuted", (7,))
    receipt = open_world.mint((8, open_world.bob, SHARE), (7, open_world.alice, SHARE), gas=500_000)
    assert not receipt.succeeded
    assert open_world.reader.supply() == SHARE
    assert not open_world.reader.is_executed(8)


def test_a_mint_above_the_attested_shares_reverts(open_world):
    with pytest.raises(CallReverted) as refusal:
        open_world.mint((1, open_world.alice, 1_000 * SHARE), (2, open_world.bob, 1))
    assert refusal.value.name == "CapExceeded"
    assert refusal.value.arguments == (2, 1_000 * SHARE + 1, 1_000 * SHARE)


def test_a_stale_attestation_mints_nothing(open_world):
    open_world.anvil.increase_time(26 * 3600 + 60)
    open_world.anvil.mine()
    with pytest.raises(CallReverted) as refusal:
        open_world.mint((1, open_world.alice, SHARE))
    assert refusal.value.name == "AttestationStale"


def test_without_an_attestation_nothing_is_minted(world):
    world.register(world.alice)
    with pytest.raises(CallReverted, match="AttestationStale"):
        world.mint((1, world.alice, SHARE))


def test_an_ineligible_receiver_is_skipped_and_keeps_its_order_id(open_world):
    stranger, chinese, lapsed, frozen = (Wallet(key(name)) for name in ("s", "c", "l", "f"))
    open_world.register(chinese, country=CHINA)
    open_world.register(lapsed, kyc_expiry=open_world.now() - 1)
    open_world.register(frozen)
    freeze = token.encode_set_address_frozen(account=frozen.address, frozen=True)
    open_world.run(open_world.compliance, freeze)
    receipt = open_world.mint(
        (1, stranger, SHARE),
        (2, chinese, SHARE),
        (3, lapsed, SHARE),
        (4, frozen, SHARE),
        (5, open_world.alice, 0),
        (6, open_world.alice, SHARE),
    )
    rejected = [e for e in open_world.events(receipt) if isinstance(e, OrderRejected)]
    assert [(e.order_id, e.reason) for e in rejected] == [
        (1, RejectReason.NOT_PERMITTED),
        (2, RejectReason.COUNTRY_RESTRICTED),
        (3, RejectReason.KYC_EXPIRED),
        (4, RejectReason.FROZEN),
        (5, RejectReason.AMOUNT_ZERO),
    ]
    assert open_world.reader.supply() == SHARE
    assert [open_world.reader.is_executed(number) for number in range(1, 7)] == [False] * 5 + [True]


def test_a_transfer_to_an_unregistered_wallet_reverts(open_world):
    open_world.mint((1, open_world.alice, 10 * SHARE))
    stranger = Wallet(key("stranger"))
    refusal = open_world.alice.transfer_refusal(
        open_world.client, contract=open_world.address, to=stranger.address, amount=SHARE
    )
    assert refusal is not None
    assert (refusal.name, refusal.arguments) == (
        "ERC7943CannotReceive",
        (stranger.address.lower(),),
    )
    accepted = open_world.alice.transfer_refusal(
        open_world.client, contract=open_world.address, to=open_world.bob.address, amount=SHARE
    )
    assert accepted is None


def test_a_restricted_country_can_neither_send_nor_receive_but_can_leave(open_world):
    open_world.mint((1, open_world.alice, 10 * SHARE), (2, open_world.bob, 10 * SHARE))
    bar = token.encode_set_restricted([SWITZERLAND], restricted=True)
    open_world.register(open_world.bob, country=344)
    open_world.run(open_world.compliance, bar)
    for sender, receiver, name in (
        (open_world.alice, open_world.bob, "ERC7943CannotSend"),
        (open_world.bob, open_world.alice, "ERC7943CannotReceive"),
    ):
        refusal = sender.transfer_refusal(
            open_world.client, contract=open_world.address, to=receiver.address, amount=SHARE
        )
        assert refusal is not None
        assert refusal.name == name
    tx_hash = open_world.alice.request_redeem(
        open_world.client, contract=open_world.address, order_id=9, amount=SHARE
    )
    assert open_world.mined(tx_hash).succeeded
    in_escrow = open_world.reader.redemption(order_id=9, holder=open_world.alice.address)
    assert in_escrow == SHARE


def test_a_redeem_is_escrowed_then_burned_once(open_world):
    alice = open_world.alice
    open_world.mint((1, alice, 10 * SHARE))
    order = OrderItem(2, alice.address, 4 * SHARE)
    requested = open_world.run(alice, token.encode_request_redeem(order_id=2, amount=4 * SHARE))
    events = open_world.events(requested)
    assert [type(e) for e in events] == [Transferred, RedeemRequested]
    assert open_world.reader.balance(alice.address) == 6 * SHARE
    assert open_world.reader.supply() == 10 * SHARE
    burned = open_world.run(open_world.issuer, token.encode_burn_order(order))
    assert [type(e) for e in open_world.events(burned)] == [Transferred, OrderBurned]
    assert open_world.reader.supply() == 6 * SHARE
    assert open_world.reader.is_executed(2)
    with pytest.raises(CallReverted, match="OrderAlreadyExecuted"):
        open_world.run(open_world.issuer, token.encode_burn_batch([order]))


@pytest.mark.parametrize("amount", [3 * SHARE, 5 * SHARE])
def test_a_burn_of_another_amount_than_the_escrow_reverts(open_world, amount):
    alice = open_world.alice
    open_world.mint((1, alice, 10 * SHARE))
    open_world.run(alice, token.encode_request_redeem(order_id=2, amount=4 * SHARE))
    with pytest.raises(CallReverted, match="RedemptionMismatch"):
        open_world.run(
            open_world.issuer, token.encode_burn_order(OrderItem(2, alice.address, amount))
        )


def test_a_cancelled_redeem_returns_the_tokens_once(open_world):
    alice = open_world.alice
    open_world.mint((1, alice, 10 * SHARE))
    open_world.run(alice, token.encode_request_redeem(order_id=2, amount=4 * SHARE))
    cancel = token.encode_cancel_redeem(order_id=2, holder=alice.address)
    receipt = open_world.run(open_world.issuer, cancel)
    assert [type(e) for e in open_world.events(receipt)] == [Transferred, RedeemCancelled]
    assert open_world.reader.balance(alice.address) == 10 * SHARE
    assert not open_world.reader.is_executed(2)
    with pytest.raises(CallReverted, match="RedemptionMismatch"):
        open_world.run(open_world.issuer, cancel)


def test_one_holder_cannot_occupy_anothers_order_id(open_world):
    alice, bob = open_world.alice, open_world.bob
    open_world.mint((1, alice, 10 * SHARE), (2, bob, 10 * SHARE))
    open_world.run(bob, token.encode_request_redeem(order_id=3, amount=SHARE))
    open_world.run(alice, token.encode_request_redeem(order_id=3, amount=4 * SHARE))
    open_world.run(
        open_world.issuer, token.encode_burn_order(OrderItem(3, alice.address, 4 * SHARE))
    )
    open_world.run(open_world.issuer, token.encode_cancel_redeem(order_id=3, holder=bob.address))
    assert open_world.reader.balance(bob.address) == 10 * SHARE
    assert open_world.reader.supply() == 16 * SHARE


def test_an_attestation_by_a_stranger_or_of_the_past_is_refused(open_world):
    with pytest.raises(CallReverted, match="NotAttestor"):
        open_world.attest(2_000 * SHARE, by=open_world.alice)
    latest = open_world.reader.reserves().as_of
    with pytest.raises(CallReverted, match="AttestationNotNewer"):
        open_world.attest(2_000 * SHARE, as_of=latest)
    with pytest.raises(CallReverted, match="AttestationFromFuture"):
        open_world.attest(2_000 * SHARE, as_of=latest + 86_400)


def test_an_attestation_sets_cap_and_time(world):
    as_of = world.now()
    receipt = world.attest(123 * SHARE, as_of=as_of)
    (event,) = world.events(receipt)
    assert isinstance(event, Attested)
    assert (event.attestor, event.shares, event.as_of) == (
        world.attestor.address,
        123 * SHARE,
        as_of,
    )
    assert event.report_hash == f"0x{keccak(text='report').hex()}"
    reserves = world.reader.reserves()
    assert (reserves.cap, reserves.as_of, reserves.max_age) == (123 * SHARE, as_of, 26 * 3600)


def test_a_holders_standing_is_read_as_it_was_written(world):
    expiry = world.now() + YEAR
    entry = HolderEntry(world.alice.address, 344, expiry, permitted=True, protocol=True)
    receipt = world.run(world.compliance, token.encode_set_holders([entry]))
    (event,) = world.events(receipt)
    assert isinstance(event, HolderSet)
    assert (event.country, event.kyc_expiry, event.protocol) == (344, expiry, True)
    state = world.reader.holder(world.alice.address)
    assert (state.country, state.kyc_expiry, state.permitted, state.protocol, state.frozen) == (
        344,
        expiry,
        True,
        True,
        False,
    )


def test_frozen_tokens_stay_and_a_forced_transfer_moves_them(open_world):
    alice, bob = open_world.alice, open_world.bob
    open_world.mint((1, alice, 10 * SHARE))
    freeze = token.encode_set_frozen_tokens(account=alice.address, amount=8 * SHARE)
    open_world.run(open_world.compliance, freeze)
    refusal = alice.transfer_refusal(
        open_world.client, contract=open_world.address, to=bob.address, amount=3 * SHARE
    )
    assert refusal is not None
    assert refusal.name == "ERC7943InsufficientUnfrozenBalance"
    move = token.encode_forced_transfer(
        sender=alice.address, receiver=bob.address, amount=5 * SHARE
    )
    open_world.run(open_world.compliance, move)
    state = open_world.reader.holder(alice.address)
    assert (state.balance, state.frozen_amount) == (5 * SHARE, 5 * SHARE)


def test_a_pause_stops_minting_and_only_the_admin_resumes(open_world):
    open_world.run(open_world.pauser, token.encode_pause(token.PAUSE_MINT))
    assert open_world.reader.reserves().mint_paused
    assert not open_world.reader.reserves().transfer_paused
    with pytest.raises(CallReverted, match="MintIsPaused"):
        open_world.mint((1, open_world.alice, SHARE))
    with pytest.raises(CallReverted, match="AccessControlUnauthorizedAccount"):
        open_world.run(open_world.pauser, token.encode_unpause(token.PAUSE_MINT))
    open_world.run(open_world.admin, token.encode_unpause(token.PAUSE_MINT))
    open_world.mint((1, open_world.alice, SHARE))


def test_nobody_can_be_issuer_and_attestor(world):
    for role, account in ((roles.ISSUER, world.attestor), (roles.ATTESTOR, world.issuer)):
        grant = token.encode_grant_role(role=role, account=account.address)
        with pytest.raises(CallReverted, match="RolesConflict"):
            world.run(world.admin, grant)


def test_only_the_issuer_mints(open_world):
    items = [OrderItem(1, open_world.alice.address, SHARE)]
    with pytest.raises(CallReverted, match="AccessControlUnauthorizedAccount"):
        open_world.run(open_world.compliance, token.encode_mint_batch(items))
