"""Opening the ledger's buckets up front, and halting them."""

import uuid
from collections.abc import Iterable

from django.db.models import Q, QuerySet

from custody.ledger.posting import LedgerHalted, require_transaction
from custody.models import CustodyAccount, Fund, LedgerAccount
from custody.states import INVESTOR_BUCKETS, OWNERLESS_BUCKETS, Bucket


def open_fund(*, fund: Fund, custody_account: CustodyAccount) -> None:
    """Open a fund's own buckets on a custody account, and one per token the fund already backs."""
    _open(fund, custody_account, ((bucket, None) for bucket in OWNERLESS_BUCKETS))
    backing = LedgerAccount.objects.filter(fund=fund, bucket=Bucket.BACKING)
    tokens = list(backing.values_list("owner", flat=True).distinct())
    _open(fund, custody_account, ((Bucket.BACKING, token_id) for token_id in tokens))


def open_investor(*, fund: Fund, custody_account: CustodyAccount, investor_id: uuid.UUID) -> None:
    """Open an investor's buckets; opening them again changes nothing."""
    _open(fund, custody_account, ((bucket, investor_id) for bucket in INVESTOR_BUCKETS))


def open_token(*, fund: Fund, custody_account: CustodyAccount, token_id: uuid.UUID) -> None:
    """Open the bucket that backs a token; opening it again changes nothing."""
    _open(fund, custody_account, [(Bucket.BACKING, token_id)])


def lock_owners(
    *, fund_id: uuid.UUID, owners: Iterable[uuid.UUID], with_outside: bool = False
) -> None:
    """Lock every bucket of these investors and tokens at once, before the first of many postings.

    Two such transactions then queue up instead of waiting for each other. ``with_outside`` adds
    the buckets without an owner, for postings that cross custody's border.
    """
    require_transaction()
    wanted = Q(owner__in=list(owners))
    if with_outside:
        wanted |= Q(owner=None)
    _lock(LedgerAccount.objects.filter(wanted, fund_id=fund_id))


def lock_funds(*, fund_ids: Iterable[uuid.UUID]) -> list[int]:
    """Lock every bucket of these funds, as a halt does; returns their keys."""
    require_transaction()
    accounts = LedgerAccount.objects.filter(fund_id__in=list(fund_ids))
    # The markers first: whoever is opening a bucket holds one, and is seen once it has let go.
    _lock(accounts.filter(bucket=Bucket.EXTERNAL))
    return _lock(accounts)


def halt(*, fund_id: uuid.UUID) -> None:
    """Refuse every posting that leads to a mint of this fund, from this commit on."""
    _set_halted(fund_id, halted=True)


def resume(*, fund_id: uuid.UUID) -> None:
    """Let mints of this fund pass again."""
    _set_halted(fund_id, halted=False)


def require_running(*, fund_id: uuid.UUID) -> None:
    """Raises LedgerHalted while minting against the fund is halted.

    For what mints without a posting of its own; a lock on any of the fund's buckets keeps the
    answer until commit.
    """
    require_transaction()
    if LedgerAccount.objects.filter(fund_id=fund_id, halted=True).exists():
        raise LedgerHalted


def require_mintable(*, fund_ids: Iterable[uuid.UUID]) -> None:
    """Raises LedgerHalted, naming the breaker, while minting against any of these funds is halted.

    For whoever asks before it begins: nothing keeps the answer.
    """
    # The buckets without an owner carry the halt too, and are one for each custody account.
    markers = LedgerAccount.objects.filter(
        fund__in=list(fund_ids), bucket=Bucket.EXTERNAL, halted=True
    )
    marker = markers.select_related("fund").first()
    if marker is not None:
        name = marker.fund.breaker
        raise LedgerHalted(f"{name} is halted.", breaker=name)


def _set_halted(fund_id: uuid.UUID, *, halted: bool) -> None:
    keys = lock_funds(fund_ids=[fund_id])
    LedgerAccount.objects.filter(pk__in=keys).update(halted=halted)


def _lock(accounts: QuerySet[LedgerAccount]) -> list[int]:
    # In id order like every posting, so that no two of them can wait for each other.
    return list(accounts.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def _open(
    fund: Fund,
    custody_account: CustodyAccount,
    buckets: Iterable[tuple[Bucket, uuid.UUID | None]],
) -> None:
    require_transaction()
    # A bucket opened during a halt is born halted; the lock keeps a halt from passing it by.
    markers = LedgerAccount.objects.filter(fund=fund, bucket=Bucket.EXTERNAL)
    # The first buckets on an account have no marker of their own there: the fund's others know.
    own = markers.filter(custody_account=custody_account)
    known = _lock(own) or _lock(markers)
    halted = LedgerAccount.objects.filter(pk__in=known, halted=True).exists()
    LedgerAccount.objects.bulk_create(
        [
            LedgerAccount(
                fund=fund,
                custody_account=custody_account,
                bucket=bucket,
                owner=owner,
                halted=halted,
            )
            for bucket, owner in buckets
        ],
        ignore_conflicts=True,
    )
