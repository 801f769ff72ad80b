"""What each account holds, after every event that changes it, and at any finalized block."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast, JSONObject

from core import breakers
from core.bulk import insert_many
from core.errors import DomainError
from core.lean import unsaved
from issuance import queries
from issuance.chain import types as chain
from issuance.chain.standards import UNKNOWN_ORDER
from issuance.models import ChainCursor, Holder, Holding, Token
from issuance.services.lanes import PIPELINE
from issuance.services.logbook import Entry

_CANONICAL = Q(log__vanished__isnull=True) | Q(log__vanished__back_at__isnull=False)
# One look at the index for each account, however long its history is.
_NEWEST = """
    SELECT newest.* FROM unnest(%s::text[]) AS wanted (account) CROSS JOIN LATERAL (
        SELECT * FROM issuance_holding AS held
        WHERE held.token_id = %s AND held.account = wanted.account AND NOT EXISTS (
            SELECT 1 FROM issuance_vanishedlog AS gone
            WHERE gone.log_id = held.log_id AND gone.back_at IS NULL)
        ORDER BY held.block DESC, held.log_index DESC, held.id DESC LIMIT 1) AS newest
"""
NOBODY = "0x0000000000000000000000000000000000000000"


class AsOfNotFinal(DomainError):
    """The register is asked for a moment up to which the chain is not final or not recorded yet."""

    code = "as_of_not_final"
    status = 409
    title = "The chain is not final up to that moment yet."
    retryable = True


class AsOfNeedsToken(DomainError):
    """A block number says nothing without the chain it is on."""

    code = "as_of_needs_token"
    title = "Name a token_id with a block number: each network counts its own blocks."


@dataclass(frozen=True, slots=True)
class AsOf:
    """A finalized moment: a block's number, or a time; exactly one of them."""

    block: int | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One account; raw units."""

    balance: int = 0
    frozen_amount: int = 0
    frozen: bool = False
    escrowed: int = 0


@dataclass(slots=True)
class _Books:
    """The accounts of one token as events pass over them; ``touched`` by the present one."""

    states: dict[str, State]
    touched: dict[str, State] = field(default_factory=dict)

    def change(self, account: str, **changes: Any) -> None:  # noqa: ANN401 - as the dataclass's fields
        if account != NOBODY:
            changed = replace(self.states.get(account, State()), **changes)
            self.states[account] = self.touched[account] = changed

    def of(self, account: str) -> State:
        return self.states.get(account, State())


def keep_holdings(
    *, token: Token, entries: Sequence[Entry], times: Mapping[int, datetime], now: datetime
) -> None:
    """Append each changed account's state after each event; inside the caller's transaction.

    A movement of more than an account had means that the record misses an event: the token halts.
    """
    moving = [entry for entry in entries if type(entry.event) in _APPLY]
    if not moving:
        return
    accounts = {account for entry in moving for account in _named(entry.event)}
    before = Holding.objects.raw(_NEWEST, [sorted(accounts), token.pk])
    books = _Books({row.account: _state(row) for row in before})
    rows: list[Holding] = []
    for entry in moving:
        books.touched = {}
        _APPLY[type(entry.event)](books, entry.event)
        rows += [_row(token, entry, each, times) for each in books.touched.items()]
    short = next((row for row in rows if row.balance < 0 or row.escrowed < 0), None)
    if short is not None:
        breakers.open_breaker(
            name=queries.token_breaker(token),
            reason=f"{short.account} moved more than the record says it had: events are missing",
            actor=PIPELINE,
            now=now,
        )
    insert_many(rows)


def latest(
    *, token: Token, accounts: Iterable[str] | None = None, at: int | None = None
) -> QuerySet[Holding]:
    """Each account's newest state at or before block ``at`` (None: the newest recorded)."""
    rows = Holding.objects.filter(_CANONICAL, token=token)
    if accounts is not None:
        rows = rows.filter(account__in=list(accounts))
    if at is not None:
        rows = rows.filter(block__lte=at)
    return rows.order_by("account", "-block", "-log_index", "-pk").distinct("account")


def _state(row: Holding) -> State:
    return State(row.balance, row.frozen_amount, row.frozen, row.escrowed)


def _row(
    token: Token, entry: Entry, changed: tuple[str, State], times: Mapping[int, datetime]
) -> Holding:
    account, state = changed
    return unsaved(
        Holding,
        {
            "id": None,
            "token_id": token.pk,
            "log_id": entry.row.pk,
            "account": account,
            "block": entry.row.block,
            "block_time": times[entry.row.block],
            "log_index": entry.row.log_index,
            "balance": state.balance,
            "frozen_amount": state.frozen_amount,
            "frozen": state.frozen,
            "escrowed": state.escrowed,
        },
    )


def _named(event: Any) -> list[str]:  # noqa: ANN401 - one of _APPLY's events
    if isinstance(event, chain.Transferred):
        return [event.sender, event.receiver]
    return [event.lost] if isinstance(event, chain.OrderRecovered) else [event.account]


def _moved(books: _Books, event: chain.Transferred) -> None:
    books.change(event.sender, balance=books.of(event.sender).balance - event.amount)
    books.change(event.receiver, balance=books.of(event.receiver).balance + event.amount)


def _escrowed(sign: int) -> Callable[[_Books, Any], None]:
    def apply(books: _Books, event: Any) -> None:  # noqa: ANN401 - an event of an escrow
        if isinstance(event, chain.OrderBurned) and event.order_id == UNKNOWN_ORDER:
            # No order of ours: it took tokens, which Transfer says, and nobody's escrow.
            return
        held = books.of(event.account).escrowed
        books.change(event.account, escrowed=held + sign * event.amount)

    return apply


_APPLY: Mapping[type, Callable[[_Books, Any], None]] = {
    chain.Transferred: _moved,
    chain.RedeemRequested: _escrowed(1),
    chain.RedeemCancelled: _escrowed(-1),
    chain.OrderBurned: _escrowed(-1),
    chain.TokensFrozen: lambda books, e: books.change(e.account, frozen_amount=e.amount),
    chain.AddressFrozen: lambda books, e: books.change(e.account, frozen=e.frozen),
    # The lost wallet is frozen without an event of its own.
    chain.OrderRecovered: lambda books, e: books.change(e.lost, frozen=True),
}


def with_holdings(
    rows: QuerySet[Holder], *, at: AsOf, token_id: uuid.UUID | None
) -> QuerySet[Holder]:
    """Register entries annotated with ``holding``: what each wallet held at a finalized moment.

    A dict of ``balance``, ``frozen_amount``, ``escrowed`` (units as text), ``frozen``, ``block`` and
    ``block_time`` of the last change; None for a wallet that never held anything before. Raises
    AsOfNotFinal above any cursor concerned, AsOfNeedsToken.
    """
    if at.block is not None and token_id is None:
        raise AsOfNeedsToken(field="/token_id")
    cursors = ChainCursor.objects.filter(token__in=rows.values("token_id"))
    recorded = Q(block__gte=at.block) if at.time is None else Q(block_time__gte=at.time)
    if cursors.exclude(recorded).exists():
        raise AsOfNotFinal(field="/as_of")
    until = Q(block__lte=at.block) if at.time is None else Q(block_time__lte=at.time)
    changes = Holding.objects.filter(
        _CANONICAL, until, token=OuterRef("token_id"), account=OuterRef("wallet__address")
    ).order_by("-block", "-log_index", "-pk")
    shape = JSONObject(
        balance=Cast("balance", CharField()),
        frozen_amount=Cast("frozen_amount", CharField()),
        escrowed=Cast("escrowed", CharField()),
        frozen="frozen",
        block="block",
        block_time="block_time",
    )
    return rows.annotate(holding=Subquery(changes.values(found=shape)[:1]))
