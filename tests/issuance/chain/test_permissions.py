"""The signer's policy reads the call itself: amounts, rows, gas, price; refusals first."""

import json
from dataclasses import replace

import pytest
from eth_abi.abi import encode

from issuance.chain import erc3643, token
from issuance.chain.calldata import NOTHING, Content, read
from issuance.chain.errors import SignerRefused
from issuance.chain.permissions import (
    FILL_GAS_MAX,
    GAS_MAX,
    ITEMS_MAX,
    MAX_FEE_WEI,
    Limits,
    Permission,
    SignerPolicy,
)
from issuance.chain.policy_file import POLICY_FILE, PolicyFile
from issuance.chain.signer import LocalSigner
from issuance.chain.types import Fees, HolderEntry, OrderItem, UnsignedCall
from tests.issuance.chain.conftest import key

CONTRACT = "0x" + "c0" * 20
HOLDER = "0x" + "0c" * 20
ME = "0x" + "4e" * 20
FEES = Fees(20, 2)


def mint(*amounts):
    items = [OrderItem(number, HOLDER, amount) for number, amount in enumerate(amounts, start=1)]
    return token.encode_mint_batch(items)


def call(data, **changes):
    terms = {
        "chain_id": 31_337,
        "nonce": 7,
        "to": CONTRACT,
        "data": data,
        "gas": 100_000,
        "fees": FEES,
    }
    return UnsignedCall(**terms | changes)


def policy(*, role="ISSUER", **limits):
    return SignerPolicy(frozenset({Permission(31_337, role, CONTRACT, limits=Limits(**limits))}))


def allows(rules, unsigned):
    try:
        rules.require(unsigned, sender=ME)
    except SignerRefused:
        return False
    return True


# --- what a call says ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "content"),
    [
        (mint(5, 7), Content(2, (5, 7))),
        (token.encode_burn_batch([OrderItem(1, HOLDER, 9)]), Content(1, (9,))),
        (token.encode_burn_order(OrderItem(1, HOLDER, 9)), Content(1, (9,))),
        (token.encode_set_holders([HolderEntry(HOLDER, 756, 1)] * 3), Content(3)),
        (token.encode_batch_set_address_frozen({HOLDER: True, ME: False}), Content(2)),
        (
            token.encode_forced_transfer(sender=HOLDER, receiver=ME, amount=2**200),
            Content(1, (2**200,)),
        ),
        (
            token.encode_request_redeem_for(
                account=HOLDER, amount=11, order_id=1, deadline=2, signature=b"\x01" * 65
            ),
            Content(1, (11,)),
        ),
        (erc3643.encode_mint(account=HOLDER, amount=13), Content(1, (13,))),
        (erc3643.encode_burn(account=HOLDER, amount=13), Content(1, (13,))),
        (token.encode_pause(1), NOTHING),
        (mint(), Content(0)),
    ],
    ids=[
        "mintBatch",
        "burnBatch",
        "burnOrder",
        "setHolders",
        "freezes",
        "forcedTransfer",
        "requestRedeemFor",
        "mint of ERC-3643",
        "burn of ERC-3643",
        "pause",
        "an empty batch",
    ],
)
def test_amounts_and_rows_are_read_from_the_bytes(data, content):
    assert read(data) == content


SELECTOR = mint(1)[:4]
ROW = encode(["uint64", "address", "uint96"], [1, HOLDER, 5])


@pytest.mark.parametrize(
    "data",
    [
        mint(5)[:-1],
        mint(5)[:-32],
        mint(5) + bytes(32),
        mint(5) + b"\x00",
        SELECTOR,
        SELECTOR + bytes(31),
        SELECTOR + encode(["uint256", "uint256"], [64, 1]) + ROW,
        SELECTOR + encode(["uint256", "uint256", "uint256"], [64, 0, 1]) + ROW,
        SELECTOR + encode(["uint256", "uint256"], [32, 2]) + ROW,
        SELECTOR + encode(["uint256", "uint256"], [32, 2**255]) + ROW,
        SELECTOR + encode(["uint256", "uint256"], [32, 1]) + ROW[:64] + b"\xff" * 32,
        SELECTOR + encode(["uint256", "uint256"], [32, 1]) + b"\x01" * 32 + ROW[32:],
        SELECTOR + encode(["uint256", "uint256"], [32, 1]) + ROW[:32] + b"\x01" * 32 + ROW[64:],
    ],
    ids=[
        "a byte short",
        "a word short",
        "a word long",
        "a byte long",
        "no arguments",
        "half a word",
        "another offset",
        "a hidden word",
        "more rows than there are",
        "a huge count",
        "an amount above 96 bits",
        "an id above 64 bits",
        "dirt before an address",
    ],
)
def test_calldata_in_any_other_encoding_is_refused(data):
    with pytest.raises(SignerRefused):
        read(data)
    assert not allows(policy(), call(data))


# --- limits --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("limits", "lawful", "unlawful"),
    [
        ({"units_per_item": 10}, call(mint(10, 10)), call(mint(1, 11))),
        ({"units_per_call": 10}, call(mint(5, 5)), call(mint(5, 6))),
        ({"items": 2}, call(mint(1, 1)), call(mint(1, 1, 1))),
        ({"gas": 100_000}, call(mint(1)), call(mint(1), gas=100_001)),
        ({"max_fee_wei": 20}, call(mint(1)), call(mint(1), fees=Fees(21, 2))),
        ({}, call(mint(*[1] * ITEMS_MAX)), call(mint(*[1] * (ITEMS_MAX + 1)))),
        ({}, call(mint(1), gas=GAS_MAX), call(mint(1), gas=GAS_MAX + 1)),
        (
            {"gas": GAS_MAX * 2},
            call(mint(1), gas=GAS_MAX),
            call(mint(1), gas=GAS_MAX + 1),
        ),
        (
            {},
            call(mint(1), fees=Fees(MAX_FEE_WEI, 1)),
            call(mint(1), fees=Fees(MAX_FEE_WEI + 1, 1)),
        ),
        ({}, call(mint(1), fees=Fees(20, 20)), call(mint(1), fees=Fees(20, 21))),
        ({}, call(mint(1)), call(mint(1), value=1)),
    ],
    ids=[
        "units per item",
        "units per call",
        "rows",
        "gas",
        "price",
        "rows by default",
        "gas by default",
        "gas whatever the file says",
        "price by default",
        "a tip above the price",
        "value",
    ],
)
def test_a_limit_allows_what_reaches_it_and_nothing_above(limits, lawful, unlawful):
    assert allows(policy(**limits), lawful)
    assert not allows(policy(**limits), unlawful)


def test_the_refusal_says_what_was_too_much():
    with pytest.raises(SignerRefused, match="11 units in one item, 10 at most"):
        policy(units_per_item=10).require(call(mint(11)), sender=ME)


def test_limits_hold_for_burns_and_forced_transfers_too():
    burn = token.encode_burn_batch([OrderItem(1, HOLDER, 11)])
    forced = token.encode_forced_transfer(sender=HOLDER, receiver=ME, amount=11)
    assert not allows(policy(units_per_call=10), call(burn))
    assert not allows(policy(role="COMPLIANCE", units_per_call=10), call(forced))


def test_two_permissions_are_not_added_up():
    """One allows much at a low price, the other little at a high one: much and dear is neither."""
    much = Permission(31_337, "ISSUER", CONTRACT, limits=Limits(max_fee_wei=5))
    dear = Permission(31_337, "ISSUER", CONTRACT, limits=Limits(units_per_call=5))
    rules = SignerPolicy(frozenset({much, dear}))
    assert allows(rules, call(mint(5)))
    assert allows(rules, call(mint(50), fees=Fees(5, 2)))
    assert not allows(rules, call(mint(50)))


# --- the transfer that only uses up a nonce ------------------------------------------------------
EMPTY = call(b"", to=ME, gas=60_000)


def test_a_key_may_use_up_its_own_nonce_on_a_chain_it_works_on():
    assert allows(policy(), EMPTY)
    assert allows(policy(role="COMPLIANCE"), replace(EMPTY, to=ME.lower()))


@pytest.mark.parametrize(
    "changes",
    [
        {"to": HOLDER},
        {"to": CONTRACT},
        {"to": None},
        {"data": b"\x00"},
        {"data": mint(1)},
        {"value": 1},
        {"chain_id": 1},
        {"gas": FILL_GAS_MAX + 1},
        {"fees": Fees(MAX_FEE_WEI + 1, 1)},
    ],
    ids=lambda each: str(next(iter(each.items())))[:40],
)
def test_an_empty_transfer_that_is_anything_more_is_refused(changes):
    assert not allows(policy(), replace(EMPTY, **changes))


def test_a_key_without_permissions_may_not_even_use_up_a_nonce():
    assert not allows(SignerPolicy(frozenset()), EMPTY)


def test_a_price_limit_holds_for_the_empty_transfer_too():
    assert not allows(policy(max_fee_wei=19), EMPTY)


def test_a_local_key_signs_the_empty_transfer_to_itself_alone():
    signer = LocalSigner(key("issuer"), policies=policy())
    assert signer.sign(replace(EMPTY, to=signer.address)).sender == signer.address
    with pytest.raises(SignerRefused):
        signer.sign(EMPTY)


# --- the file ------------------------------------------------------------------------------------
def test_limits_are_kept_in_the_file_and_no_later_permission_widens_them(tmp_path):
    policies = PolicyFile(tmp_path)
    narrow = Permission(
        31_337, "ISSUER", CONTRACT, limits=Limits(units_per_item=10**24, items=100, gas=9_000_000)
    )
    policies.permit(ME, [narrow])
    policies.permit(ME, [Permission(31_337, "ISSUER", CONTRACT)])
    assert policies.policy_of(ME).permissions == {narrow}
    (row,) = next(iter(json.loads((tmp_path / POLICY_FILE).read_text()).values()))
    assert row["limits"] == {"units_per_item": str(10**24), "items": "100", "gas": "9000000"}
    assert policies.addresses() == [next(iter(json.loads((tmp_path / POLICY_FILE).read_text())))]


@pytest.mark.parametrize(
    "limits",
    [
        {"unit_per_item": "5"},
        {"units_per_item": "-1"},
        {"units_per_item": "five"},
        {"items": "1.5"},
        {"items": None},
        [],
        "5",
    ],
    ids=["misspelt", "negative", "a word", "a fraction", "null", "a list", "a text"],
)
def test_a_limit_that_cannot_be_understood_permits_nothing(tmp_path, limits):
    row = {"chain_id": 31_337, "role": "ISSUER", "contract": CONTRACT, "limits": limits}
    address = LocalSigner(key("issuer"), policies=policy()).address
    (tmp_path / POLICY_FILE).write_text(json.dumps({address: [row]}))
    signer = LocalSigner(key("issuer"), policies=PolicyFile(tmp_path))
    with pytest.raises(SignerRefused):
        signer.sign(call(mint(1)))


def test_an_unknown_member_of_an_entry_permits_nothing(tmp_path):
    row = {"chain_id": 31_337, "role": "ISSUER", "contract": CONTRACT, "limit": {"items": "1"}}
    address = LocalSigner(key("issuer"), policies=policy()).address
    (tmp_path / POLICY_FILE).write_text(json.dumps({address: [row]}))
    with pytest.raises(SignerRefused):
        PolicyFile(tmp_path).policy_of(address)
