"""Wallets: claimed, challenged, proved by a signature, revoked."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from core import events
from core.actors import Actor
from core.errors import StateConflict
from core.transitions import move
from core.use_case import use_case
from kyc import queries
from kyc.models import Wallet, WalletChallenge
from kyc.policy import decisions
from kyc.proofs.signatures import (
    AddressInvalid,
    SignatureInvalid,
    canonical_address,
    recover_signer,
)
from kyc.proofs.siwe import LIFETIME, Challenge, new_nonce
from kyc.services.refusals import (
    ChallengeExpired,
    ChallengeUsed,
    FieldRefused,
    InvestorFinal,
    NetworkUnknown,
    WalletTaken,
)
from kyc.states import FINAL_INVESTOR, WALLET_TRANSITIONS, Action, WalletStatus

WALLETS_MAX = 50


@use_case
def claim_wallet(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID,
    network: str,
    address: str,
    actor: Actor,
    now: datetime,
) -> Wallet:
    """Name an address as the investor's; it counts for nothing until it is proved.

    Raises NotFound, NetworkUnknown, FieldRefused, WalletTaken or InvestorFinal.
    """
    investor = queries.investor_for_update(investor_id=investor_id, institution_id=institution_id)
    if investor.status in FINAL_INVESTOR:
        raise InvestorFinal
    if network not in settings.CHAIN_IDS:
        raise NetworkUnknown(field="/network")
    checksummed = _address(address)
    if queries.proved_wallet_exists(network=network, address=checksummed):
        raise WalletTaken(field="/address")
    if investor.wallets.exclude(status=WalletStatus.REVOKED).count() >= WALLETS_MAX:
        raise FieldRefused(f"At most {WALLETS_MAX} wallets.", field="/investor_id")
    wallet = Wallet(investor=investor, network=network, address=checksummed, created_at=now)
    try:
        with transaction.atomic(savepoint=True):
            wallet.save(force_insert=True)
    except IntegrityError as taken:
        raise WalletTaken(field="/address") from taken
    data = {"investor_id": investor.public_id, "network": network, "address": checksummed}
    events.record(event_type="wallet.claimed", row=wallet, actor=actor, now=now, data=data)
    return wallet


@use_case
def issue_challenge(
    *, institution_id: uuid.UUID, wallet_id: uuid.UUID, actor: Actor, now: datetime
) -> WalletChallenge:
    """A fresh message for the wallet to sign. Raises NotFound, StateConflict or NetworkUnknown."""
    wallet = queries.wallet_for_update(institution_id=institution_id, wallet_id=wallet_id)
    if wallet.status == WalletStatus.CLAIMED:
        to = WalletStatus.CHALLENGED
        move(wallet, to=to, table=WALLET_TRANSITIONS, actor=actor, now=now)
    elif wallet.status != WalletStatus.CHALLENGED:
        raise StateConflict(f"The wallet is {wallet.status.lower()}.", state=wallet.status.lower())
    chain_id = settings.CHAIN_IDS.get(wallet.network)
    if chain_id is None:
        raise NetworkUnknown
    challenge = Challenge(
        domain=_domain(),
        address=wallet.address,
        uri=f"{_origin()}/v1/wallets/{wallet.public_id}/proof",
        chain_id=chain_id,
        nonce=new_nonce(),
        issued_at=now,
        expires_at=now + LIFETIME,
        request_id=wallet.public_id,
    )
    return WalletChallenge.objects.create(
        wallet=wallet,
        nonce=challenge.nonce,
        message=challenge.message(),
        issued_at=now,
        expires_at=challenge.expires_at,
    )


@use_case
def prove_wallet(
    *,
    institution_id: uuid.UUID,
    wallet_id: uuid.UUID,
    message: str,
    signature: str,
    context: Mapping[str, str],
    actor: Actor,
    now: datetime,
) -> Wallet:
    """Take the signature of a challenge as proof; the wallet may be used after the cooling-off.

    Raises NotFound, SignatureInvalid, ChallengeExpired, ChallengeUsed, WalletTaken,
    StateConflict or NotEligible.
    """
    wallet = queries.wallet_for_update(institution_id=institution_id, wallet_id=wallet_id)
    challenge = _open_challenge(wallet, message=message, now=now)
    if recover_signer(message=challenge.message, signature=signature) != wallet.address:
        raise SignatureInvalid(field="/signature")
    decision = decisions.require(
        investor=wallet.investor, action=Action.REGISTER_WALLET, context=context, now=now
    )
    decision.save(force_insert=True)
    challenge.used_at = now
    challenge.save(update_fields=["used_at"])
    try:
        with transaction.atomic(savepoint=True):
            return move(
                wallet,
                to=WalletStatus.PROVED,
                table=WALLET_TRANSITIONS,
                actor=actor,
                now=now,
                decision=decision,
                proved_at=now,
                usable_at=now + settings.WALLET_COOLING_OFF,
                data=_proved(wallet, decision_id=decision.public_id),
            )
    except IntegrityError as taken:
        raise WalletTaken from taken


@use_case
def revoke_wallet(
    *, institution_id: uuid.UUID | None, wallet_id: uuid.UUID, actor: Actor, now: datetime
) -> Wallet:
    """Stop using a wallet; an operator names no institution. Raises NotFound or StateConflict."""
    wallet = queries.wallet_for_update(institution_id=institution_id, wallet_id=wallet_id)
    to = WalletStatus.REVOKED
    return move(wallet, to=to, table=WALLET_TRANSITIONS, actor=actor, now=now)


def _open_challenge(wallet: Wallet, *, message: str, now: datetime) -> WalletChallenge:
    """The wallet's own stored challenge with exactly this text, if it still counts."""
    challenge = wallet.challenges.filter(message=message).first()
    if challenge is None:
        raise SignatureInvalid("The message is no challenge of this wallet.", field="/message")
    if challenge.used_at is not None:
        raise ChallengeUsed(field="/message")
    if challenge.expires_at <= now:
        raise ChallengeExpired(field="/message")
    return challenge


def _proved(wallet: Wallet, *, decision_id: str) -> dict[str, str]:
    return {
        "investor_id": wallet.investor.public_id,
        "network": wallet.network,
        "address": wallet.address,
        "decision_id": decision_id,
    }


def _address(text: str) -> str:
    try:
        return canonical_address(text)
    except AddressInvalid as broken:
        raise FieldRefused(
            "Expected a 0x address, checksummed or in lower case.", field="/address"
        ) from broken


def _origin() -> str:
    return str(settings.PUBLIC_URL).rstrip("/") or "http://localhost"


def _domain() -> str:
    return urlsplit(_origin()).netloc
