"""Tokens, signers and halts: set up by a command, watched by the pipeline."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from core import breakers, events, history
from core.actors import Actor
from core.errors import DomainError, StateConflict
from core.ids import new_uuid
from core.transitions import move
from core.units import Units, format_quantity
from core.use_case import use_case
from custody import ledger
from custody import queries as custody_queries
from issuance import queries
from issuance.models import ChainCursor, NetworkGate, Signer, Token
from issuance.services.lanes import PIPELINE
from issuance.states import TOKEN_TRANSITIONS, SignerRole, TokenStandard, TokenStatus


class CustodyMissing(DomainError):
    """The fund is kept on no open custody account."""

    code = "custody_missing"
    title = "The fund has no custody account."


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What is known of an issuer's existing ERC-3643 token beyond that it fits.

    ``supply`` units existed at ``block``; ``backed_by`` is the investor whose free shares stand
    behind them from now on, and may be left out when there are none.
    """

    redemption_wallet: str
    supply: int
    block: int
    watched: Mapping[str, str]
    backed_by: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedContract:
    """A token contract that was found at its address with the right code and roles."""

    network: str
    chain_id: int
    address: str
    name: str
    symbol: str
    block: int
    attestor_address: str
    attestation_age_seconds_max: int
    attached: Attached | None = None


@use_case
def register_token(
    *, underlying_symbol: str, contract: DeployedContract, actor: Actor, now: datetime
) -> Token:
    """Take a deployed contract into service: its order numbers, its ledger bucket, its cursor.

    Raises UnknownFund, CustodyMissing, InsufficientShares when nothing backs what an attached token
    has issued, or StateConflict when the fund is issued there already.
    """
    fund = custody_queries.fund_by_symbol(underlying_symbol)
    if Token.objects.filter(fund=fund, network=contract.network).exists():
        raise StateConflict(f"{fund.symbol} is issued on {contract.network} already.")
    accounts = [each for each in custody_queries.accounts_of(fund.pk) if each.is_countable]
    if not accounts:
        raise CustodyMissing
    token = Token(
        id=new_uuid(),
        created_at=now,
        fund=fund,
        custody_account=accounts[0],
        network=contract.network,
        chain_id=contract.chain_id,
        address=contract.address,
        symbol=contract.symbol,
        name=contract.name,
        deployed_block=contract.block,
        attestor_address=contract.attestor_address,
        attestation_age_seconds_max=contract.attestation_age_seconds_max,
        **_attached_columns(contract.attached),
    )
    token.save(force_insert=True)
    ChainCursor.objects.create(token=token, block=contract.block - 1, moved_at=now)
    _open_gate(contract.network, now)
    for account in accounts:
        ledger.open_token(fund=fund, custody_account=account, token_id=token.pk)
    _create_sequence(token.pk)
    if contract.attached is not None and contract.attached.supply:
        _back_opening(token, contract.attached, actor=actor, now=now)
    events.record(
        event_type="token.registered",
        row=token,
        actor=actor,
        now=now,
        data={
            "network": token.network,
            "contract": token.address,
            "symbol": token.symbol,
            "standard": token.standard.lower(),
        },
    )
    return token


@use_case
def register_signer(
    *,
    network: str,
    chain_id: int,
    address: str,
    role: SignerRole,
    chain_nonce: int,
    actor: Actor,
    now: datetime,
) -> Signer:
    """Record a hot key by its address; ``chain_nonce`` is what the chain has seen of it.

    Several keys may play one role. Known already in this role: returned as it is. Raises
    StateConflict when the key plays another role on the chain: its nonces belong to one lane.
    """
    known = Signer.objects.filter(chain_id=chain_id, address__iexact=address).first()
    if known is not None:
        if known.role != role:
            raise StateConflict(f"{known.address} on {network} is {known.role} already.")
        return known
    signer = Signer(
        id=new_uuid(),
        created_at=now,
        network=network,
        chain_id=chain_id,
        address=address,
        role=role,
        next_nonce=chain_nonce,
    )
    signer.save(force_insert=True)
    _open_gate(network, now)
    events.record(
        event_type="signer.registered",
        row=signer,
        actor=actor,
        now=now,
        data={"network": network, "address": address, "role": role.lower()},
    )
    return signer


@use_case
def close_token(*, token_id: uuid.UUID, actor: Actor, now: datetime) -> Token:
    """Take no new mints for a token; what is under way and redemptions go on."""
    return _switch(token_id, TokenStatus.CLOSED, actor, now)


@use_case
def reopen_token(*, token_id: uuid.UUID, actor: Actor, now: datetime) -> Token:
    """Take mints for a token again."""
    return _switch(token_id, TokenStatus.ACTIVE, actor, now)


@use_case
def trip(*, name: str, reason: str, now: datetime) -> None:
    """Open a breaker from the pipeline: new signing stops until a person has looked."""
    breakers.open_breaker(name=name, reason=reason, actor=PIPELINE, now=now)


def _open_gate(network: str, now: datetime) -> None:
    """A network's first signer or token: from here on its gate watches the database's history."""
    gate = NetworkGate(network=network, mark=history.mark(), created_at=now)
    NetworkGate.objects.bulk_create([gate], ignore_conflicts=True)


def _switch(token_id: uuid.UUID, to: TokenStatus, actor: Actor, now: datetime) -> Token:
    token = (
        Token.objects.select_for_update(no_key=True, of=("self",))
        .select_related("fund")
        .get(pk=token_id)
    )
    return move(token, to=to, table=TOKEN_TRANSITIONS, actor=actor, now=now)


def _attached_columns(attached: Attached | None) -> dict[str, Any]:
    if attached is None:
        return {}
    return {
        "standard": TokenStandard.ERC3643,
        "redemption_wallet": attached.redemption_wallet,
        "opening_units": attached.supply,
        "opening_block": attached.block,
        "watched": dict(attached.watched),
    }


def _back_opening(token: Token, attached: Attached, *, actor: Actor, now: datetime) -> None:
    """Settled shares behind what existed before: the token's own id stands for the order's."""
    if attached.backed_by is None:
        raise ledger.InsufficientShares(qty=format_quantity(attached.supply))
    quantity = Units(attached.supply)
    account = custody_queries.account_with_free(
        investor_id=attached.backed_by, fund_id=token.fund_id, quantity=quantity
    )
    shares = ledger.OrderShares(
        fund_id=token.fund_id,
        custody_account_id=account.pk,
        investor_id=attached.backed_by,
        token_id=token.pk,
        quantity=quantity,
        order_id=token.pk,
    )
    ledger.reserve(shares=shares, actor=actor, now=now)
    ledger.back(shares=shares, actor=actor, now=now)


def _create_sequence(token_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        # The name is our own hex; identifiers cannot be parameters.
        cursor.execute(f"CREATE SEQUENCE {queries.sequence_name(token_id)} AS bigint MINVALUE 1")
