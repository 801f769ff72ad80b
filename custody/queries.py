"""Reads over funds, positions and movements; what belongs to an institution is scoped to it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Q, QuerySet, Sum

from core.errors import DomainError, NotFound
from core.units import Units
from custody.models import (
    Attestation,
    Break,
    ChainCap,
    Custodian,
    CustodyAccount,
    Delivery,
    Deposit,
    Fund,
    FundIdentifier,
    LedgerAccount,
    LedgerTransfer,
    Statement,
)
from custody.states import SETTLED_BUCKETS, BreakKind, BreakStatus, Bucket, FundStatus


class UnknownFund(DomainError):
    """No fund has this symbol or identifier."""

    code = "unknown_fund"
    title = "There is no such fund."


class FundClosed(DomainError):
    """The fund takes no new business."""

    code = "fund_closed"
    title = "The fund is closed."


class SharesNotFree(DomainError):
    """The investor has too few free settled shares on any one custody account."""

    code = "insufficient_shares"
    title = "There are not enough settled shares."


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a fund's shares stand, in units. ``settled`` is the sum of all but suspense."""

    settled: Units
    free: Units
    reserved: Units
    backing: Units
    releasing: Units
    restricted: Units
    suspense: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class CapBounds:
    """What a token's contract allows: at finality, once all that is signed has arrived, at most."""

    final: Units
    newest: Units
    highest: Units


_NO_CAP = CapBounds(final=Units(0), newest=Units(0), highest=Units(0))


def funds() -> QuerySet[Fund]:
    """Every fund with its identifiers, by symbol."""
    return Fund.objects.prefetch_related("identifiers").order_by("symbol")


def fund_by_id(fund_id: uuid.UUID) -> Fund:
    """The fund of this id. Raises NotFound."""
    found = funds().filter(pk=fund_id).first()
    if found is None:
        raise NotFound("There is no such fund.")
    return found


def fund_by_symbol(symbol: str) -> Fund:
    """The fund traded under ``symbol``, whatever its status. Raises UnknownFund."""
    found = Fund.objects.filter(symbol=symbol).first()
    if found is None:
        raise UnknownFund(field="/underlying_symbol")
    return found


def open_fund_by_symbol(symbol: str) -> Fund:
    """The fund, if it still takes deposits. Raises UnknownFund or FundClosed."""
    fund = fund_by_symbol(symbol)
    if fund.status == FundStatus.CLOSED:
        raise FundClosed(field="/underlying_symbol")
    return fund


def fund_by_isin(isin: str, *, on: date) -> Fund | None:
    """The fund that bore this ISIN on that day, or None."""
    found = _identifiers_on(on).filter(scheme=FundIdentifier.Scheme.ISIN, value=isin).first()
    return found.fund if found else None


def isin_of(*, fund_id: uuid.UUID, on: date) -> str:
    """The fund's ISIN on that day. Raises UnknownFund when it had none."""
    isins = _identifiers_on(on).filter(scheme=FundIdentifier.Scheme.ISIN, fund_id=fund_id)
    found = isins.first()
    if found is None:
        raise UnknownFund("The fund has no ISIN on this day.")
    return found.value


def position(fund_id: uuid.UUID) -> Position:
    """The fund's buckets, summed over custody accounts and owners."""
    return _position(LedgerAccount.objects.filter(fund_id=fund_id))


def position_at(*, fund_id: uuid.UUID, custody_account_id: uuid.UUID) -> Position:
    """The fund's buckets on one custody account."""
    return _position(
        LedgerAccount.objects.filter(fund_id=fund_id, custody_account_id=custody_account_id)
    )


def position_of(*, fund_id: uuid.UUID, investor_id: uuid.UUID) -> Position:
    """One investor's own buckets of a fund: free, reserved and releasing."""
    return _position(LedgerAccount.objects.filter(fund_id=fund_id, owner=investor_id))


def positions_of(*, investor_id: uuid.UUID) -> list[tuple[str, Position]]:
    """The investor's buckets of every fund it ever held, by symbol."""
    kept = LedgerAccount.objects.filter(owner=investor_id).values("fund_id")
    rows = Fund.objects.filter(pk__in=kept).order_by("symbol")
    return [(fund.symbol, position_of(fund_id=fund.pk, investor_id=investor_id)) for fund in rows]


def backing(token_id: uuid.UUID) -> Units:
    """The settled units standing behind one token, over all custody accounts."""
    return _sum(LedgerAccount.objects.filter(bucket=Bucket.BACKING, owner=token_id))


def backing_accounts(token_id: uuid.UUID) -> list[tuple[uuid.UUID, Units]]:
    """Custody accounts that back a token with their units, the largest first."""
    rows = LedgerAccount.objects.filter(bucket=Bucket.BACKING, owner=token_id, balance__gt=0)
    ordered = rows.order_by("-balance", "pk")
    return [(row.custody_account_id, Units(row.balance)) for row in ordered]


def free_shares(*, investor_id: uuid.UUID, fund_id: uuid.UUID) -> Units:
    """The investor's free settled units of a fund, over all custody accounts."""
    return _sum(
        LedgerAccount.objects.filter(bucket=Bucket.FREE, owner=investor_id, fund_id=fund_id)
    )


def account_with_free(
    *, investor_id: uuid.UUID, fund_id: uuid.UUID, quantity: int
) -> CustodyAccount:
    """A countable custody account on which the investor has ``quantity`` units free.

    A hint without a lock: the ledger decides. The smallest sufficient balance is taken, so that
    large ones stay whole. Raises SharesNotFree.
    """
    return _account_with_free(investor_id, fund_id, quantity, countable=True)


def deliverable_account(
    *, investor_id: uuid.UUID, fund_id: uuid.UUID, quantity: int
) -> CustodyAccount:
    """Any custody account with ``quantity`` units free to deliver. Raises SharesNotFree."""
    return _account_with_free(investor_id, fund_id, quantity, countable=False)


def custodians(*, codes: Sequence[str]) -> QuerySet[Custodian]:
    """The custodians of these codes, in a fixed order."""
    return Custodian.objects.filter(code__in=codes).order_by("code")


def files_cursor(custodian_id: uuid.UUID) -> int:
    """The sequence of the last file taken from a custodian."""
    return Custodian.objects.values_list("files_cursor", flat=True).get(pk=custodian_id)


def accounts_of(fund_id: uuid.UUID) -> list[CustodyAccount]:
    """The open custody accounts that keep this fund, oldest first."""
    opened = LedgerAccount.objects.filter(fund_id=fund_id, bucket=Bucket.EXTERNAL)
    return list(
        CustodyAccount.objects.filter(
            pk__in=opened.values("custody_account_id"), closed_at=None
        ).order_by("created_at", "pk")
    )


def attestable(fund_id: uuid.UUID) -> Units:
    """Units a custodian can vouch for: settled on countable accounts, less what is leaving."""
    total = 0
    for account in accounts_of(fund_id):
        if account.is_countable:
            held = position_at(fund_id=fund_id, custody_account_id=account.pk)
            total += held.settled - held.releasing - held.restricted
    return Units(total)


def cap_bounds(fund_id: uuid.UUID) -> dict[uuid.UUID, CapBounds]:
    """The caps of a fund's tokens, for every token that was ever attested for.

    An attestation counts until a newer one is final on chain: until then anybody who saw its
    signature may still relay it, whatever became of our own transaction.
    """
    caps = {cap.token_id: cap for cap in ChainCap.objects.filter(fund_id=fund_id)}
    signed = Attestation.objects.filter(fund_id=fund_id).filter(_newer_than(caps))
    bounds = {
        token_id: CapBounds(
            final=Units(cap.units), newest=Units(cap.units), highest=Units(cap.units)
        )
        for token_id, cap in caps.items()
    }
    for each in signed.order_by("as_of"):
        before = bounds.get(each.token_id, _NO_CAP)
        bounds[each.token_id] = CapBounds(
            final=before.final,
            newest=Units(each.shares),
            highest=Units(max(before.highest, each.shares)),
        )
    return bounds


def lock_caps(*, fund_id: uuid.UUID) -> None:
    """Keep what the contracts of a fund may come to allow as it is until commit."""
    Fund.objects.select_for_update(no_key=True).get(pk=fund_id)


def highest_caps(fund_id: uuid.UUID) -> Units:
    """The most units the contracts of a fund can come to allow with what has been attested so far.

    A token that was never attested for counts with what lies behind it.
    """
    capped = sum(bound.highest for bound in cap_bounds(fund_id).values())
    return Units(capped + uncapped_backing(fund_id))


def uncapped_backing(fund_id: uuid.UUID) -> Units:
    """Units behind the tokens of a fund whose contracts no figure was ever attested for."""
    rows = LedgerAccount.objects.filter(fund_id=fund_id, bucket=Bucket.BACKING)
    return _sum(rows.exclude(owner__in=list(cap_bounds(fund_id))))


def last_departure(fund_id: uuid.UUID) -> datetime | None:
    """When shares of the fund last stopped counting as settled, or None if they never did."""
    gone = LedgerTransfer.objects.filter(
        fund_id=fund_id, destination__bucket__in=[Bucket.EXTERNAL, Bucket.SUSPENSE]
    )
    last: datetime | None = gone.aggregate(last=Max("created_at"))["last"]
    return last


def settled_on(*, fund_id: uuid.UUID, custody_account_id: uuid.UUID, on: date) -> Units:
    """Our settled units on one custody account at the end of a value date.

    What came in from outside or suspense up to that day, less what went out.
    """
    moved = LedgerTransfer.objects.filter(
        fund_id=fund_id, custody_account_id=custody_account_id, value_date__lte=on
    )
    uncounted = [Bucket.EXTERNAL, Bucket.SUSPENSE]
    came = moved.filter(source__bucket__in=uncounted).aggregate(total=Sum("quantity"))["total"]
    went = moved.filter(destination__bucket__in=uncounted).aggregate(total=Sum("quantity"))["total"]
    return Units(int(came or 0) - int(went or 0))


def funds_kept_at(custody_account_id: uuid.UUID) -> QuerySet[Fund]:
    """The funds whose ledger is open on a custody account."""
    opened = LedgerAccount.objects.filter(
        custody_account_id=custody_account_id, bucket=Bucket.EXTERNAL
    )
    return Fund.objects.filter(pk__in=opened.values("fund_id"))


def newer_statements(statement: Statement) -> QuerySet[Statement]:
    """Statements of the same account about a later moment."""
    return Statement.objects.filter(
        custody_account_id=statement.custody_account_id, as_of__gt=statement.as_of
    )


def open_position_breaks(*, fund_id: uuid.UUID, custody_account_id: uuid.UUID) -> QuerySet[Break]:
    """Unsolved differences between statement and ledger of one fund on one account."""
    return Break.objects.filter(
        kind=BreakKind.POSITION_DIFFERS,
        status__in=[BreakStatus.OPEN, BreakStatus.PROPOSED],
        fund_id=fund_id,
        custody_account_id=custody_account_id,
    )


def latest_attestation(token_id: uuid.UUID) -> Attestation | None:
    """The newest attestation on record for a token, or None before the first."""
    return Attestation.objects.filter(token_id=token_id).order_by("-as_of").first()


def deposits_for(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID | None = None,
    symbol: str = "",
    status: str = "",
) -> QuerySet[Deposit]:
    """The institution's deposits, of one investor, fund or status when named."""
    rows = Deposit.objects.filter(institution_id=institution_id).select_related("fund")
    return rows.filter(_narrowed(investor_id, symbol, status))


def deposit_for(*, institution_id: uuid.UUID, deposit_id: uuid.UUID) -> Deposit:
    """The institution's deposit. Raises NotFound, also for another institution's."""
    found = deposits_for(institution_id=institution_id).filter(pk=deposit_id).first()
    if found is None:
        raise NotFound("There is no such deposit.")
    return found


def deliveries_for(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID | None = None,
    symbol: str = "",
    status: str = "",
) -> QuerySet[Delivery]:
    """The institution's deliveries, of one investor, fund or status when named."""
    rows = Delivery.objects.filter(institution_id=institution_id).select_related("fund")
    return rows.filter(_narrowed(investor_id, symbol, status))


def delivery_for(*, institution_id: uuid.UUID, delivery_id: uuid.UUID) -> Delivery:
    """The institution's delivery. Raises NotFound, also for another institution's."""
    found = deliveries_for(institution_id=institution_id).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def _narrowed(investor_id: uuid.UUID | None, symbol: str, status: str) -> Q:
    wanted = {"investor_id": investor_id, "fund__symbol": symbol, "status": status}
    return Q(**{name: value for name, value in wanted.items() if value})


def _account_with_free(
    investor_id: uuid.UUID, fund_id: uuid.UUID, quantity: int, *, countable: bool
) -> CustodyAccount:
    rows = LedgerAccount.objects.filter(
        bucket=Bucket.FREE, owner=investor_id, fund_id=fund_id, balance__gte=quantity
    )
    for row in rows.select_related("custody_account").order_by("balance", "pk"):
        if row.custody_account.is_countable or not countable:
            return row.custody_account
    raise SharesNotFree(field="/qty")


def _newer_than(caps: Mapping[uuid.UUID, ChainCap]) -> Q:
    newer = ~Q(token_id__in=list(caps))
    for token_id, cap in caps.items():
        newer |= Q(token_id=token_id, as_of__gt=cap.as_of)
    return newer


def _identifiers_on(on: date) -> QuerySet[FundIdentifier]:
    current = FundIdentifier.objects.select_related("fund").filter(valid_from__lte=on)
    return current.filter(valid_until=None) | current.filter(valid_until__gt=on)


def _sum(accounts: QuerySet[LedgerAccount]) -> Units:
    return Units(int(accounts.aggregate(total=Sum("balance"))["total"] or 0))


def _position(accounts: QuerySet[LedgerAccount]) -> Position:
    rows = accounts.values_list("bucket").annotate(total=Sum("balance"))
    sums = {bucket: Units(int(total)) for bucket, total in rows}
    none = Units(0)
    return Position(
        settled=Units(sum(sums.get(bucket, 0) for bucket in SETTLED_BUCKETS)),
        free=sums.get(Bucket.FREE, none),
        reserved=sums.get(Bucket.RESERVED, none),
        backing=sums.get(Bucket.BACKING, none),
        releasing=sums.get(Bucket.RELEASING, none),
        restricted=sums.get(Bucket.RESTRICTED, none),
        suspense=sums.get(Bucket.SUSPENSE, none),
    )
