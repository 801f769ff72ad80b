"""Reads of issuance; every read on behalf of an institution is scoped to it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from core import breakers
from core.errors import DomainError, NotFound
from core.lean import read_many
from custody import queries as custody_queries
from custody.models import Attestation
from issuance.models import (
    Attempt,
    BlockHead,
    ChainCursor,
    ChainTransaction,
    Holder,
    Move,
    NetworkGate,
    Order,
    Signer,
    SupplySnapshot,
    Token,
    TokenLog,
)
from issuance.models.gates import Recovering
from issuance.states import (
    CHAIN_TRANSACTION_FINAL,
    MOVE_FINAL,
    ORDER_FINAL,
    ChainTransactionKind,
    HolderStatus,
    NetworkStatus,
    exact_move_statuses,
    exact_statuses,
)

# Ours come from a bigint sequence; anybody may name a larger one on chain.
ONCHAIN_ID_MAX = 2**63 - 1


class NetworkUnknown(DomainError):
    """The fund has no token on that network."""

    code = "network_unknown"
    title = "This fund is not issued on that network."


# --- orders -------------------------------------------------------------------------------------


def order_for(*, institution_id: uuid.UUID, order_id: uuid.UUID) -> Order:
    """The institution's order. Raises NotFound."""
    rows = _orders().filter(institution_id=institution_id, pk=order_id)
    try:
        return rows.get()
    except Order.DoesNotExist:
        raise NotFound from None


def orders_of(
    *,
    institution_id: uuid.UUID,
    api_status: str = "",
    investor_id: uuid.UUID | None = None,
    client_order_id: str = "",
) -> QuerySet[Order]:
    """The institution's orders; each filter counts when it is given."""
    rows = _orders().filter(institution_id=institution_id)
    if api_status:
        rows = rows.filter(status__in=exact_statuses(api_status))
    if investor_id is not None:
        rows = rows.filter(investor_id=investor_id)
    return rows.filter(client_order_id=client_order_id) if client_order_id else rows


def order_for_update(*, order_id: uuid.UUID) -> Order:
    """The order under its row lock; only inside a transaction. Raises NotFound."""
    try:
        return _orders().select_for_update(no_key=True, of=("self",)).get(pk=order_id)
    except Order.DoesNotExist:
        raise NotFound from None


def network_of(*, order_id: uuid.UUID) -> str:
    """The network an order is for; it never changes. Raises NotFound."""
    found = Order.objects.filter(pk=order_id).values_list("token__network", flat=True).first()
    if found is None:
        raise NotFound
    return found


def lock_orders(*, order_ids: Iterable[uuid.UUID]) -> None:
    """Lock these orders at once and in one order, before any event of them."""
    rows = Order.objects.filter(pk__in=list(order_ids)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def _orders() -> QuerySet[Order]:
    return Order.objects.select_related(
        "token__fund", "wallet", "investor", "decision", "institution"
    )


def attempts_of(*, chain_transaction: ChainTransaction) -> list[Attempt]:
    """The signed forms of a transaction, first signed first."""
    return list(Attempt.objects.filter(chain_transaction=chain_transaction).order_by("sequence"))


# --- moves --------------------------------------------------------------------------------------


def move_for(*, institution_id: uuid.UUID, move_id: uuid.UUID) -> Move:
    """The institution's move. Raises NotFound."""
    try:
        return _with_legs(_moves()).get(institution_id=institution_id, pk=move_id)
    except Move.DoesNotExist:
        raise NotFound from None


def moves_of(
    *,
    institution_id: uuid.UUID,
    api_status: str = "",
    investor_id: uuid.UUID | None = None,
    client_move_id: str = "",
) -> QuerySet[Move]:
    """The institution's moves with their legs; each filter counts when it is given."""
    rows = _with_legs(_moves()).filter(institution_id=institution_id)
    if api_status:
        rows = rows.filter(status__in=exact_move_statuses(api_status))
    if investor_id is not None:
        rows = rows.filter(investor_id=investor_id)
    return rows.filter(client_move_id=client_move_id) if client_move_id else rows


def move_for_update(*, move_id: uuid.UUID) -> Move:
    """The move under its row lock; take its orders' locks first. Raises NotFound."""
    rows = _moves().select_for_update(no_key=True, of=("self",))
    try:
        return rows.get(pk=move_id)
    except Move.DoesNotExist:
        raise NotFound from None


def ended_moves() -> QuerySet[Move]:
    """Open moves of which every leg has ended."""
    under_way = Order.objects.filter(move=OuterRef("pk")).exclude(status__in=ORDER_FINAL)
    return Move.objects.exclude(status__in=sorted(MOVE_FINAL)).exclude(Exists(under_way))


def _moves() -> QuerySet[Move]:
    return Move.objects.select_related(
        "institution",
        "investor",
        "from_token__fund",
        "from_token__custody_account",
        "to_token__fund",
        "from_wallet",
        "to_wallet",
        "decision",
    )


def _with_legs(rows: QuerySet[Move]) -> QuerySet[Move]:
    return rows.prefetch_related(Prefetch("legs", queryset=_orders().order_by("pk")))


def forms_of(*, rows: Iterable[ChainTransaction]) -> dict[uuid.UUID, list[Attempt]]:
    """The signed forms of several transactions by transaction, without their bytes."""
    found: dict[uuid.UUID, list[Attempt]] = {}
    attempts = Attempt.objects.defer("raw").filter(chain_transaction__in=list(rows))
    for attempt in attempts.order_by("sequence"):
        found.setdefault(attempt.chain_transaction_id, []).append(attempt)
    return found


# --- tokens, holders, signers -------------------------------------------------------------------


def token_of(*, fund_id: uuid.UUID, network: str) -> Token:
    """The token of a fund on a network, open or closed. Raises NetworkUnknown."""
    tokens = Token.objects.select_related("fund", "custody_account")
    try:
        return tokens.get(fund_id=fund_id, network=network)
    except Token.DoesNotExist:
        raise NetworkUnknown(field="/network") from None


def tokens() -> QuerySet[Token]:
    """Every token with its fund."""
    return Token.objects.select_related("fund", "custody_account")


def token_by_id(*, token_id: uuid.UUID) -> Token:
    """The token. Raises NotFound."""
    try:
        return tokens().get(pk=token_id)
    except Token.DoesNotExist:
        raise NotFound from None


def token_for_update(*, token_id: uuid.UUID) -> Token:
    """The token under a lock that keeps others from the same bookkeeping. Raises NotFound."""
    try:
        return tokens().select_for_update(of=("self",), no_key=True).get(pk=token_id)
    except Token.DoesNotExist:
        raise NotFound from None


def holders_of(
    *,
    institution_id: uuid.UUID,
    wallet_id: uuid.UUID | None = None,
    token_id: uuid.UUID | None = None,
) -> QuerySet[Holder]:
    """The register entries of the institution's wallets; each filter counts when it is given."""
    rows = Holder.objects.select_related("token__fund", "wallet").filter(
        institution_id=institution_id
    )
    if wallet_id is not None:
        rows = rows.filter(wallet_id=wallet_id)
    return rows.filter(token_id=token_id) if token_id is not None else rows


def registered_holders(*, token: Token, wallet_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Holder]:
    """The finalized register entries of wallets, by wallet; one not (yet) registered is missing."""
    rows = Holder.objects.filter(token=token, wallet_id__in=wallet_ids, registered_at__isnull=False)
    found = read_many(rows.exclude(status=HolderStatus.FAILED), ("id", "wallet_id", "permitted"))
    return {row.wallet_id: row for row in found}


def unfinished(*, signer: Signer) -> QuerySet[ChainTransaction]:
    """The signer's transactions that are not yet final, lowest nonce first."""
    rows = ChainTransaction.objects.filter(signer=signer)
    return rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).order_by("nonce")


def attestation_on_its_way(*, token_id: uuid.UUID) -> bool:
    """Whether a signed attestation of the token is not yet final."""
    rows = ChainTransaction.objects.filter(token_id=token_id, kind=ChainTransactionKind.ATTEST)
    return rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).exists()


def followed_blocks(*, token_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """For each token, the last finalized block whose events are recorded."""
    rows = ChainCursor.objects.filter(token_id__in=list(token_ids))
    return dict(rows.values_list("token_id", "block"))


# --- quantities ---------------------------------------------------------------------------------


def latest_snapshot(*, token_id: uuid.UUID) -> SupplySnapshot | None:
    """The newest finalized look at a token's supply, or None before the first."""
    return SupplySnapshot.objects.filter(token_id=token_id).order_by("-block").first()


def next_onchain_id(*, token_id: uuid.UUID) -> int:
    """A fresh order id of the token; never given out twice, gaps are harmless.

    Raises Recovering at the first instant after a failover, when the sequence may have gone back.
    """
    network = Token.objects.values_list("network", flat=True).get(pk=token_id)
    if not NetworkGate.seen(network=network)[1]:
        raise Recovering(network=network)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s::regclass)", [sequence_name(token_id)])
        return int(cursor.fetchone()[0])


def last_onchain_id(*, token_id: uuid.UUID) -> int:
    """The newest order id the token's sequence gave out; 1 also before the first."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT last_value FROM {sequence_name(token_id)}")  # noqa: S608 - our hex
        return int(cursor.fetchone()[0])


def highest_executed_id(*, token_id: uuid.UUID) -> int:
    """The highest order id that the token's recorded events used up; 0 before the first."""
    kinds = ["ORDER_MINTED", "ORDER_BURNED", "ORDER_RECOVERED"]
    rows = TokenLog.objects.canonical().filter(token_id=token_id, kind__in=kinds)
    # From the top of the index, instead of the maximum of them all.
    highest = rows.filter(onchain_id__isnull=False).order_by("-onchain_id").first()
    return int(highest.onchain_id or 0) if highest is not None else 0


def sequence_name(token_id: uuid.UUID) -> str:
    """The PostgreSQL sequence that numbers a token's orders."""
    return f"issuance_onchain_id_{token_id.hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveToken:
    """One token at its last finalized look, with the custodian's newest word on it; units."""

    token: Token
    supply: int
    backing: int
    block: int | None
    block_hash: str | None
    attestation: Attestation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """A fund's settled units and what of them stands behind tokens."""

    symbol: str
    settled: int
    backing: int
    tokens: list[ReserveToken]


def reserves() -> list[Reserve]:
    """Every fund that has tokens, by symbol."""
    found: dict[str, Reserve] = {}
    for token in tokens().order_by("fund__symbol", "network"):
        held = custody_queries.position(token.fund_id)
        latest = latest_snapshot(token_id=token.pk)
        reserve = found.setdefault(
            token.fund.symbol,
            Reserve(
                symbol=token.fund.symbol, settled=held.settled, backing=held.backing, tokens=[]
            ),
        )
        reserve.tokens.append(
            ReserveToken(
                token=token,
                supply=latest.supply if latest else 0,
                backing=custody_queries.backing(token.pk),
                block=latest.block if latest else None,
                block_hash=latest.block_hash if latest else None,
                attestation=custody_queries.latest_attestation(token.pk),
            )
        )
    return list(found.values())


# --- recovery and blocks ------------------------------------------------------------------------


def require_recovered(*, network: str) -> None:
    """Pass the network's gate: before anything is signed or any order that may be is given up.

    The gate stays as it is until the caller's transaction ends. Raises Recovering, also at the
    first instant after a failover, before anybody has begun a recovery.
    """
    status, is_known = NetworkGate.seen(network=network, held=True)
    if status != NetworkStatus.OPERATING or not is_known:
        raise Recovering(network=network)


def finalized_block(*, network: str) -> int | None:
    """The newest final block the follower has seen, or None before its first look."""
    final = BlockHead.objects.filter(network=network, final=True)
    return final.order_by("-number").values_list("number", flat=True).first()


# --- halts --------------------------------------------------------------------------------------


def breaker_names(*, token: Token) -> tuple[str, ...]:
    """The breakers that stop new signing for a token: its network's and its own."""
    return network_breaker(token.network), token_breaker(token)


def network_breaker(network: str) -> str:
    """The breaker that stops all new signing on a network."""
    return f"issuance.{network}"


def token_breaker(token: Token) -> str:
    """The breaker that stops new signing for one token."""
    return f"issuance.{token.network}.{token.symbol}"


def require_not_halted(*, token: Token) -> None:
    """Raises HaltActive when a breaker stops new work on the token."""
    breakers.require_closed(*breaker_names(token=token))
