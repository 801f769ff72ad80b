"""What makes an order acceptable: every check before anything is reserved, in one place."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from core.errors import DomainError
from custody import queries as custody_queries
from custody.models import CustodyAccount, Fund
from custody.states import FundStatus
from issuance import queries
from issuance.models import Hold, Holder, NetworkGate, Order, Token
from issuance.states import Direction, OrderType, TokenStatus
from kyc import policy as kyc_policy
from kyc import queries as kyc_queries
from kyc.models import Decision, Investor, Wallet
from kyc.states import Action, WalletStatus

REVIEW = "REVIEW"
# The contract keeps amounts in 96 bits.
ORDER_UNITS_MAX = 2**96 - 1


class FundClosed(DomainError):
    """The fund takes no new orders of this type."""

    code = "fund_closed"
    title = "This fund takes no new orders of this type."


class TokenClosed(DomainError):
    """The token takes no new mints; whoever holds it can still redeem."""

    code = "token_closed"
    title = "This token takes no new orders."


class WalletNotRegistered(DomainError):
    """The wallet is not yet in the token's holder register at finality."""

    code = "wallet_not_registered"
    title = "The wallet is not registered with this token yet."


class HoldActive(DomainError):
    """A hold stops this for now; ``reason_code`` says why in public words."""

    code = "hold_active"
    status = 409
    title = "A hold stops this for now."
    retryable = True


class SameNetwork(DomainError):
    """A move leads from one network to another."""

    code = "same_network"
    title = "A move needs two different networks."


class InsufficientTokens(DomainError):
    """More than all there is of the token on that network."""

    code = "insufficient_tokens"
    title = "There are not that many tokens on this network."


class QuantityTooLarge(DomainError):
    """More than a token contract can hold."""

    code = "quantity_invalid"
    title = "The quantity is out of range."


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What an institution asks for; ``quantity`` in units. The same for preview and order."""

    type: OrderType
    investor_id: uuid.UUID
    underlying_symbol: str
    network: str
    quantity: int
    wallet_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One token an order may be taken on, whatever shares there are; ``decision`` is unsaved."""

    investor: Investor
    fund: Fund
    token: Token
    wallet: Wallet
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance(Side):
    """An order that may be taken; ``decision`` is not saved yet."""

    custody_account: CustodyAccount
    needs_approval: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTerms:
    """What supply an institution asks to move, from which wallet to which; ``quantity`` in units."""

    investor_id: uuid.UUID
    underlying_symbol: str
    from_network: str
    to_network: str
    quantity: int
    from_wallet_address: str
    to_wallet_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAcceptance:
    """A move that may be taken: where it burns and where it mints; decisions are unsaved."""

    burn: Side
    mint: Side
    needs_approval: bool


def accept(
    *,
    institution_id: uuid.UUID,
    terms: OrderTerms,
    context: Mapping[str, str],
    now: datetime,
) -> Acceptance:
    """Check the terms against fund, network, investor, wallet, policy and shares.

    ``context`` holds facts of the request, such as the session's country. Raises one named refusal
    with the field to blame: the first that applies, in this order.
    """
    side = _accept_side(institution_id, terms, context, now)
    return Acceptance(
        investor=side.investor,
        fund=side.fund,
        token=side.token,
        wallet=side.wallet,
        decision=side.decision,
        custody_account=_account(side.token, side.fund, terms),
        needs_approval=needs_approval(quantity=terms.quantity, effect=side.decision.effect),
    )


def accept_move(
    *,
    institution_id: uuid.UUID,
    terms: MoveTerms,
    context: Mapping[str, str],
    now: datetime,
) -> MoveAcceptance:
    """Check a move as a redemption on one network and a mint on the other, before anything starts.

    The shares of the mint come from the burn, so none need be free. Raises what ``accept`` raises,
    with ``from_`` and ``to_`` fields to blame, SameNetwork or InsufficientTokens.
    """
    if terms.from_network == terms.to_network:
        raise SameNetwork(field="/to_network")
    with _blaming("from"):
        burn = _accept_side(institution_id, _leg(terms, OrderType.REDEEM), context, now)
    with _blaming("to"):
        mint = _accept_side(institution_id, _leg(terms, OrderType.MINT), context, now)
    if terms.quantity > custody_queries.backing(burn.token.pk):
        raise InsufficientTokens(field="/qty")
    effects = (burn.decision.effect, mint.decision.effect)
    return MoveAcceptance(
        burn=burn,
        mint=mint,
        needs_approval=any(
            needs_approval(quantity=terms.quantity, effect=effect) for effect in effects
        ),
    )


def _accept_side(
    institution_id: uuid.UUID, terms: OrderTerms, context: Mapping[str, str], now: datetime
) -> Side:
    investor = kyc_queries.investor_for(
        institution_id=institution_id, investor_id=terms.investor_id
    )
    fund = _open_fund(terms)
    token = _open_token(fund, terms)
    if not 0 < terms.quantity <= ORDER_UNITS_MAX:
        raise QuantityTooLarge(field="/qty")
    kyc_policy.require_standing(investor=investor, action=_action(terms.type), now=now)
    wallet = _usable_wallet(token, terms, now)
    require_unheld(
        token=token,
        investor_id=investor.pk,
        wallet_id=wallet.pk,
        direction=_direction(terms.type),
        now=now,
    )
    decision = kyc_policy.require(
        investor=investor, action=_action(terms.type), context=context, now=now, trigger="order"
    )
    return Side(investor=investor, fund=fund, token=token, wallet=wallet, decision=decision)


def require_unheld(
    *,
    token: Token,
    investor_id: uuid.UUID,
    wallet_id: uuid.UUID,
    direction: Direction,
    now: datetime,
) -> None:
    """Raises HoldActive while a hold on token, fund, investor or wallet stops the direction."""
    for hold in Hold.objects.stopping(direction, now=now):
        if hold.covers(token=token, investor_id=investor_id, wallet_id=wallet_id):
            raise HoldActive(
                hold_id=hold.public_id,
                direction=direction.lower(),
                reason_code=hold.reason_code,
                until=hold.until.isoformat() if hold.until else None,
            )


def is_held(order: Order, holds: Iterable[Hold]) -> bool:
    """Whether one of these holds stops an order, or the mint that a move's burn leads to."""
    stops = [(order.token, order.wallet_id, _direction(order.type))]
    if order.move is not None and order.type == OrderType.REDEEM:
        stops.append((order.move.to_token, order.move.to_wallet_id, Direction.MINT))
    return any(
        direction.lower() in hold.directions
        and hold.covers(token=token, investor_id=order.investor_id, wallet_id=wallet_id)
        for hold in holds
        for token, wallet_id, direction in stops
    )


def needs_approval(*, quantity: int, effect: str) -> bool:
    """Whether a second person must approve before anything is signed."""
    return effect == REVIEW or quantity > settings.ORDER_APPROVAL_ABOVE_UNITS


def order_needs_approval(order: Order) -> bool:
    """Whether a second person must approve an order, for the whole move when it begins one."""
    effects = [order.decision.effect]
    if order.move is not None:
        effects.append(order.move.decision.effect)
    return any(needs_approval(quantity=order.quantity, effect=effect) for effect in effects)


def decide_again(*, order: Order, now: datetime) -> Decision:
    """The decision on an order right before it is signed; not saved. Raises like ``accept``.

    The burn of a move is not signed when its mint would be refused at this instant.
    """
    if order.type == OrderType.MINT:
        token, wallet = order.token, order.wallet
        require_mintable(token=token, wallet=wallet, holder=_holder(token, wallet))
    elif order.move is not None:
        token, wallet = order.move.to_token, order.move.to_wallet
        require_mintable(token=token, wallet=wallet, holder=_holder(token, wallet))
        kyc_policy.require(
            investor=order.investor, action=Action.MINT, context={}, now=now, trigger="signing"
        )
    return kyc_policy.require(
        investor=order.investor, action=_action(order.type), context={}, now=now, trigger="signing"
    )


def split_by_room(token: Token, orders: Sequence[Order]) -> tuple[list[Order], list[Order]]:
    """Mint orders that fit under the finalized attested cap, first come first, and the others.

    Whatever lies in ``backing`` counts as minted already, signed or not. A token without a cap on
    chain has what custody can vouch for less the claims of the fund's other tokens.
    """
    cap = token.attested_units
    if not token.has_attested_cap:
        others = queries.tokens().filter(fund_id=token.fund_id).exclude(pk=token.pk)
        cap = custody_queries.attestable(token.fund_id) - sum(map(claim_of, others))
        if not all(NetworkGate.is_open(network=each.network) for each in others):
            cap = custody_queries.backing(token.pk)  # a sibling may hold a cap that we lost
    room = cap - custody_queries.backing(token.pk)
    fitting, waiting = [], []
    for order in orders:
        needed = 0 if order.requeues else order.quantity
        if needed <= room:
            room -= needed
            fitting.append(order)
        else:
            waiting.append(order)
    return fitting, waiting


def claim_of(token: Token) -> int:
    """The most a token may come to show, in units.

    The highest of its finalized cap and every attestation that may still be relayed, or its
    backing when no contract caps it.
    """
    if not token.has_attested_cap:
        return custody_queries.backing(token.pk)
    bounds = custody_queries.cap_bounds(token.fund_id).get(token.pk)
    return max(token.attested_units, bounds.highest if bounds else 0)


def require_mintable(*, token: Token, wallet: Wallet, holder: Holder | None) -> None:
    """Refuse a mint whose fund or wallet has changed since it was taken.

    ``holder`` is the wallet's finalized register entry. Raises FundClosed, WalletNotProved or
    WalletNotRegistered.
    """
    # A frozen fund's orders wait for its thaw; a closed one never opens again.
    if token.fund.status == FundStatus.CLOSED:
        raise FundClosed(field="/underlying_symbol")
    if wallet.status != WalletStatus.PROVED:
        raise kyc_queries.WalletNotProved(field="/wallet_address")
    _require_registered(holder, OrderType.MINT)


def _leg(terms: MoveTerms, order_type: OrderType) -> OrderTerms:
    burns = order_type == OrderType.REDEEM
    return OrderTerms(
        type=order_type,
        investor_id=terms.investor_id,
        underlying_symbol=terms.underlying_symbol,
        network=terms.from_network if burns else terms.to_network,
        quantity=terms.quantity,
        wallet_address=terms.from_wallet_address if burns else terms.to_wallet_address,
    )


@contextmanager
def _blaming(side: str) -> Iterator[None]:
    """Let a refusal of one leg name the move's field for that side."""
    try:
        yield
    except DomainError as refusal:
        if refusal.field in {"/network", "/wallet_address"}:
            refusal.field = f"/{side}_{refusal.field[1:]}"
        elif isinstance(refusal, TokenClosed):
            refusal.field = f"/{side}_network"
        raise


def _direction(order_type: str) -> Direction:
    return Direction.MINT if order_type == OrderType.MINT else Direction.REDEEM


def _action(order_type: str) -> Action:
    return Action.MINT if order_type == OrderType.MINT else Action.REDEEM


def _open_fund(terms: OrderTerms) -> Fund:
    fund = custody_queries.fund_by_symbol(terms.underlying_symbol)
    # A frozen or closed fund lets nobody in, and nobody is kept from leaving.
    if terms.type == OrderType.MINT and fund.status != FundStatus.ACTIVE:
        raise FundClosed(field="/underlying_symbol")
    return fund


def _open_token(fund: Fund, terms: OrderTerms) -> Token:
    token = queries.token_of(fund_id=fund.pk, network=terms.network)
    if terms.type == OrderType.MINT and token.status != TokenStatus.ACTIVE:
        raise TokenClosed(field="/underlying_symbol")
    return token


def _usable_wallet(token: Token, terms: OrderTerms, now: datetime) -> Wallet:
    wallet = kyc_queries.usable_wallet(
        investor_id=terms.investor_id,
        network=terms.network,
        address=terms.wallet_address,
        now=now,
    )
    _require_registered(_holder(token, wallet), terms.type)
    return wallet


def _require_registered(holder: Holder | None, order_type: str) -> None:
    # Whoever lost permission, as by expired KYC, may still ask the contract for redemption.
    if holder is None or not (holder.permitted or order_type == OrderType.REDEEM):
        raise WalletNotRegistered(field="/wallet_address")


def _holder(token: Token, wallet: Wallet) -> Holder | None:
    return queries.registered_holders(token=token, wallet_ids=[wallet.pk]).get(wallet.pk)


def _account(token: Token, fund: Fund, terms: OrderTerms) -> CustodyAccount:
    if terms.type == OrderType.REDEEM:
        return token.custody_account
    return custody_queries.account_with_free(
        investor_id=terms.investor_id, fund_id=fund.pk, quantity=terms.quantity
    )
