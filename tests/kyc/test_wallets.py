"""Wallets: claimed, challenged and proved, and every way in which a proof fails."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_keys.constants import SECPK1_N

from core.errors import DomainError, NotFound, StateConflict
from core.models import Event
from kyc import queries, services
from kyc.models import Decision, Wallet, WalletChallenge
from kyc.proofs.signatures import canonical_address, recover_signer
from tests.kyc.rows import (
    MAINLAND,
    MAKER,
    NETWORK,
    NOW,
    TEST,
    address_of,
    challenge,
    claim,
    declare,
    key_of,
    make_approved,
    make_institution,
    make_investor,
    make_wallet,
    prove,
    sign,
    submit,
)

pytestmark = pytest.mark.django_db
KEY, OTHER = key_of(7), key_of(8)
COOLING = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _network(settings):
    settings.CHAIN_IDS = {NETWORK: 31337}
    settings.WALLET_COOLING_OFF = COOLING
    settings.PUBLIC_URL = "https://api.sharemint.example"


def refusal(call, *args, **options):
    with pytest.raises(DomainError) as refused:
        call(*args, **options)
    return refused.value.code


def test_a_signature_proves_a_wallet_after_the_cooling_off():
    wallet = make_wallet()
    assert wallet.status == "PROVED"
    assert (wallet.proved_at, wallet.usable_at) == (NOW, NOW + COOLING)
    assert wallet.decision.action == "register_wallet"
    types = Event.objects.filter(object_id=wallet.pk).order_by("sequence")
    assert [event.type for event in types] == [
        "wallet.claimed",
        "wallet.challenged",
        "wallet.proved",
    ]
    ready = queries.registrable_wallets(network=NETWORK, now=NOW + COOLING)
    assert [row.pk for row in ready] == [wallet.pk]
    assert not queries.registrable_wallets(network=NETWORK, now=NOW).exists()
    assert not queries.registrable_wallets(network="base", now=NOW + COOLING).exists()


def test_the_message_is_erc_4361_line_by_line():
    issued = challenge(claim(make_approved(), KEY))
    lines = issued.message.split("\n")
    assert lines[0] == "api.sharemint.example wants you to sign in with your Ethereum account:"
    assert lines[1] == address_of(KEY)
    assert lines[2] == lines[4] == ""
    names = [line.partition(": ")[0] for line in lines[5:]]
    assert names == [
        "URI", "Version", "Chain ID", "Nonce", "Issued At", "Expiration Time", "Request ID",
    ]  # fmt: skip
    assert "Chain ID: 31337" in lines
    assert issued.expires_at == NOW + timedelta(minutes=10)
    assert "Expiration Time: 2026-11-23T15:10:00.000Z" in lines


def test_recovery_agrees_with_an_independent_implementation():
    signed = Account.sign_message(encode_defunct(text="héllo"), KEY.to_bytes())
    assert recover_signer(message="héllo", signature="0x" + bytes(signed.signature).hex()) == (
        address_of(KEY)
    )


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "0x",
        "0x" + "00" * 65,
        "0x" + "ff" * 65,
        "0x" + "zz" * 65,
        "00" * 65,
        "0x" + "01" * 64,
        "0x" + "01" * 64 + "1d",
    ],
)
def test_a_malformed_signature_is_refused(signature):
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    code = refusal(prove, wallet, KEY, message=message, signature=signature or "x")
    assert code == "signature_invalid"


def test_the_high_s_twin_of_a_good_signature_is_refused():
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    raw = bytes.fromhex(sign(KEY, message)[2:])
    s = SECPK1_N - int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])
    assert refusal(prove, wallet, KEY, message=message, signature=f"0x{twin.hex()}") == (
        "signature_invalid"
    )


def test_another_keys_signature_is_refused_and_the_challenge_stays_open():
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    assert refusal(prove, wallet, OTHER, message=message) == "signature_invalid"
    wallet.refresh_from_db()
    assert wallet.status == "CHALLENGED"
    assert prove(wallet, KEY, message=message).status == "PROVED"


def test_a_message_that_differs_in_one_letter_is_refused():
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    assert refusal(prove, wallet, KEY, message=message.replace("31337", "1")) == "signature_invalid"
    assert refusal(prove, wallet, KEY, message=message + "\n") == "signature_invalid"


def test_a_challenge_of_another_wallet_is_refused():
    investor = make_approved()
    first, second = claim(investor, KEY), claim(investor, OTHER)
    message = challenge(second).message
    challenge(first)
    assert refusal(prove, first, KEY, message=message) == "signature_invalid"


def test_a_challenge_expires_after_ten_minutes():
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    late = NOW + timedelta(minutes=10)
    assert refusal(prove, wallet, KEY, late, message=message) == "challenge_expired"
    assert prove(wallet, KEY, late - timedelta(seconds=1), message=message).status == "PROVED"


def test_a_challenge_is_used_once():
    wallet = claim(make_approved(), KEY)
    message = challenge(wallet).message
    prove(wallet, KEY, message=message)
    assert refusal(prove, wallet, KEY, message=message) == "challenge_used"
    with pytest.raises(StateConflict):
        challenge(wallet)


def test_the_database_lets_a_challenge_be_used_once_only():
    wallet = make_wallet()
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        WalletChallenge.objects.filter(wallet=wallet).update(used_at=None)
    with pytest.raises(DatabaseError), transaction.atomic(savepoint=True):
        WalletChallenge.objects.filter(wallet=wallet).update(message="other")


def test_a_proved_address_belongs_to_one_wallet_across_institutions():
    investor = make_approved()
    early = claim(make_approved(), KEY)
    message = challenge(early).message
    make_wallet(investor)
    assert refusal(claim, make_approved(), KEY) == "wallet_taken"
    assert refusal(prove, early, KEY, message=message) == "wallet_taken"
    assert refusal(claim, investor, KEY) == "wallet_taken"


def test_a_mere_claim_does_not_lock_out_the_owner():
    claim(make_investor(), KEY)
    assert make_wallet().status == "PROVED"


def test_a_revoked_address_may_be_proved_again():
    wallet = make_wallet()
    services.revoke_wallet(institution_id=None, wallet_id=wallet.pk, actor=MAKER, now=NOW)
    assert make_wallet(wallet.investor).pk != wallet.pk
    assert Wallet.objects.filter(status="PROVED").count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        "0x",
        "0x" + "g" * 40,
        "0x" + "0" * 40,
        "0x" + "0" * 39 + "1",
        "7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        "0x7e5f4552091a69125d5dfcb7b8c2659029395bd",
        "0x7E5F4552091A69125d5DfCb7b8C2659029395BDF",
    ],
)
def test_what_is_no_address_is_refused(address):
    investor = make_approved()
    code = refusal(
        services.claim_wallet,
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        network=NETWORK,
        address=address,
        actor=TEST,
        now=NOW,
    )
    assert code == "field_invalid"
    assert not Wallet.objects.exists()


def test_an_address_is_kept_in_its_checksummed_form():
    plain = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    checksummed = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert canonical_address(plain) == canonical_address(checksummed) == checksummed
    assert canonical_address("0x" + plain[2:].upper()) == checksummed


def test_an_unknown_network_is_refused():
    assert refusal(claim, make_approved(), KEY, network="base") == "network_unknown"


def test_a_rejected_investor_claims_no_wallet_and_another_institutions_is_not_there():
    assert refusal(claim, submit(make_investor(facts=MAINLAND)), KEY) == "state_conflict"
    wallet = claim(make_approved(), KEY)
    other = make_institution()
    with pytest.raises(NotFound):
        queries.wallet_for(institution_id=other.pk, wallet_id=wallet.pk)
    with pytest.raises(NotFound):
        services.issue_challenge(institution_id=other.pk, wallet_id=wallet.pk, actor=TEST, now=NOW)


def test_a_holder_found_domestic_registers_no_further_wallet():
    investor = make_approved()
    wallet = claim(investor, KEY)
    message = challenge(wallet).message
    declare(investor, residence="CN")
    assert refusal(prove, wallet, KEY, message=message) == "not_eligible"
    assert Decision.objects.filter(action="register_wallet", effect="EXIT_ONLY").exists()
    wallet.refresh_from_db()
    assert wallet.status == "CHALLENGED"


def test_an_order_finds_only_the_investors_own_proved_and_cooled_wallet():
    investor = make_approved()
    asked = {"investor_id": investor.pk, "network": NETWORK, "address": address_of(KEY)}
    assert refusal(queries.usable_wallet, **asked, now=NOW) == "wallet_not_owned"
    wallet = claim(investor, KEY)
    assert refusal(queries.usable_wallet, **asked, now=NOW) == "wallet_not_proved"
    prove(wallet, KEY)
    assert refusal(queries.usable_wallet, **asked, now=NOW) == "wallet_cooling"
    assert queries.usable_wallet(**asked, now=NOW + COOLING) == wallet
    lower = asked | {"address": address_of(KEY).lower()}
    assert queries.wallet_by_address(**lower) == wallet
    stranger = asked | {"investor_id": make_approved().pk}
    assert refusal(queries.wallet_by_address, **stranger) == "wallet_not_owned"


def test_only_wallets_of_investors_in_good_standing_are_registered():
    wallet = make_wallet()
    later = NOW + COOLING

    def ready(now=later):
        return queries.registrable_wallets(network=NETWORK, now=now).exists()

    assert ready()
    declare(wallet.investor, residence="CN")
    assert ready()
    services.freeze_investor(investor_id=wallet.investor_id, reason="r", actor=MAKER, now=NOW)
    assert not ready()
    assert not ready(NOW + timedelta(days=366))
