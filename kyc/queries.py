"""Reads over investors, their evidence and their wallets; each scoped to its asker."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from core.errors import DomainError, NotFound
from kyc.models import Check, Decision, Document, Fact, Investor, Override, Owner, Wallet
from kyc.states import InvestorStatus, OverrideStatus, WalletStatus


class WalletNotOwned(DomainError):
    """The address is not a wallet of this investor."""

    code = "wallet_not_owned"
    title = "The address is not a wallet of this investor."


class WalletNotProved(DomainError):
    """The wallet's owner has not yet proved control."""

    code = "wallet_not_proved"
    title = "Control over this wallet has not been proved."


class WalletCooling(DomainError):
    """The wallet was proved too recently to receive value."""

    code = "wallet_cooling"
    title = "The wallet is still in its cooling-off period."


def investor_for(*, institution_id: uuid.UUID, investor_id: uuid.UUID) -> Investor:
    """The institution's investor. Raises NotFound, also for another institution's."""
    found = Investor.objects.filter(institution_id=institution_id, pk=investor_id).first()
    if found is None:
        raise NotFound("There is no such investor.")
    return found


def investors_of(
    *, institution_id: uuid.UUID, status: str = "", external_id: str = ""
) -> QuerySet[Investor]:
    """The institution's investors; empty filters let everything through."""
    rows = Investor.objects.select_related("decision").filter(institution_id=institution_id)
    if status:
        rows = rows.filter(status=status)
    return rows.filter(external_id=external_id) if external_id else rows


def wallets_of(
    *,
    institution_id: uuid.UUID,
    investor_id: uuid.UUID | None = None,
    network: str = "",
    status: str = "",
) -> QuerySet[Wallet]:
    """The institution's wallets; empty filters let everything through."""
    rows = Wallet.objects.filter(investor__institution_id=institution_id)
    if investor_id is not None:
        rows = rows.filter(investor_id=investor_id)
    if network:
        rows = rows.filter(network=network)
    return rows.filter(status=status) if status else rows


def investor_for_update(
    *, investor_id: uuid.UUID, institution_id: uuid.UUID | None = None
) -> Investor:
    """The investor's row, locked until the transaction ends.

    An institution's use case names ``institution_id``; an operator's does not. Raises NotFound.
    """
    rows = Investor.objects.select_for_update(no_key=True).filter(pk=investor_id)
    if institution_id is not None:
        rows = rows.filter(institution_id=institution_id)
    found = rows.first()
    if found is None:
        raise NotFound("There is no such investor.")
    return found


def check_for_update(*, check_id: uuid.UUID) -> Check:
    """The check's row, locked until the transaction ends. Raises NotFound."""
    rows = Check.objects.select_for_update(no_key=True, of=("self",)).select_related("investor")
    found = rows.filter(pk=check_id).first()
    if found is None:
        raise NotFound("There is no such check.")
    return found


def latest_check(*, investor_id: uuid.UUID) -> Check | None:
    """The newest identity check of the investor, if there is any."""
    return Check.objects.filter(investor_id=investor_id).order_by("-pk").first()


def override_for_update(*, override_id: uuid.UUID) -> Override:
    """The override's row, locked until the transaction ends. Raises NotFound."""
    rows = Override.objects.select_for_update(no_key=True, of=("self",)).select_related("investor")
    found = rows.filter(pk=override_id).first()
    if found is None:
        raise NotFound("There is no such override.")
    return found


def wallet_for_update(*, institution_id: uuid.UUID | None, wallet_id: uuid.UUID) -> Wallet:
    """The wallet's row, locked; ``institution_id`` None is an operator's. Raises NotFound."""
    rows = Wallet.objects.select_for_update(no_key=True, of=("self",)).select_related("investor")
    rows = rows.filter(pk=wallet_id)
    if institution_id is not None:
        rows = rows.filter(investor__institution_id=institution_id)
    found = rows.first()
    if found is None:
        raise NotFound("There is no such wallet.")
    return found


def wallet_for(*, institution_id: uuid.UUID, wallet_id: uuid.UUID) -> Wallet:
    """The institution's wallet. Raises NotFound, also for another institution's."""
    wallets = Wallet.objects.select_related("investor")
    found = wallets.filter(investor__institution_id=institution_id, pk=wallet_id).first()
    if found is None:
        raise NotFound("There is no such wallet.")
    return found


def proved_wallet_exists(*, network: str, address: str) -> bool:
    """Whether anybody, at any institution, has proved this address."""
    proved = Wallet.objects.filter(status=WalletStatus.PROVED)
    return proved.filter(network=network, address=address).exists()


def decision_for(*, institution_id: uuid.UUID, decision_id: uuid.UUID) -> Decision:
    """The institution's decision. Raises NotFound, also for another institution's."""
    found = Decision.objects.filter(institution_id=institution_id, pk=decision_id).first()
    if found is None:
        raise NotFound("There is no such decision.")
    return found


def wallet_by_address(*, investor_id: uuid.UUID, network: str, address: str) -> Wallet:
    """The investor's live wallet at ``address`` on ``network``, in whatever state of proof.

    The comparison ignores letter case. Raises WalletNotOwned.
    """
    live = Wallet.objects.select_related("investor").exclude(status=WalletStatus.REVOKED)
    found = live.filter(investor_id=investor_id, network=network, address__iexact=address).first()
    if found is None:
        raise WalletNotOwned(field="/wallet_address")
    return found


def usable_wallet(*, investor_id: uuid.UUID, network: str, address: str, now: datetime) -> Wallet:
    """The investor's wallet, proved and cooled off.

    Raises WalletNotOwned, WalletNotProved or WalletCooling.
    """
    wallet = wallet_by_address(investor_id=investor_id, network=network, address=address)
    if wallet.status != WalletStatus.PROVED or wallet.usable_at is None:
        raise WalletNotProved(field="/wallet_address")
    if wallet.usable_at > now:
        raise WalletCooling(field="/wallet_address")
    return wallet


def registrable_wallets(*, network: str, now: datetime) -> QuerySet[Wallet]:
    """Wallets whose owner may hold on ``network``: proved, cooled off, investor in good standing."""
    return Wallet.objects.select_related("investor").filter(
        network=network,
        status=WalletStatus.PROVED,
        usable_at__lte=now,
        investor__status__in=[InvestorStatus.APPROVED, InvestorStatus.EXIT_ONLY],
        investor__kyc_expires_at__gt=now,
    )


def current_facts(*, investor_id: uuid.UUID, now: datetime) -> QuerySet[Fact]:
    """What is held true at ``now``: recorded, valid, and not superseded by a later record."""
    return current_facts_of(investor_ids=[investor_id], now=now)


def current_facts_of(*, investor_ids: Sequence[uuid.UUID], now: datetime) -> QuerySet[Fact]:
    """``current_facts`` of several investors; each one's in the same order."""
    return Fact.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=now),
        investor_id__in=investor_ids,
        superseded_by__isnull=True,
        recorded_at__lte=now,
        valid_from__lte=now,
    ).order_by("name", "source", "pk")


def document_countries_of(
    *, investor_ids: Sequence[uuid.UUID]
) -> QuerySet[Document, tuple[uuid.UUID, str]]:
    """(investor, issuing country) of every document on record, each pair once."""
    rows = Document.objects.filter(investor_id__in=investor_ids)
    return rows.values_list("investor_id", "issuing_country").distinct()


def current_owners(*, investor_id: uuid.UUID) -> QuerySet[Owner]:
    """The owners on record whose ownership has not ended, oldest first."""
    return current_owners_of(investor_ids=[investor_id])


def current_owners_of(*, investor_ids: Sequence[uuid.UUID]) -> QuerySet[Owner]:
    """``current_owners`` of several investors."""
    return Owner.objects.filter(investor_id__in=investor_ids, ended_at__isnull=True).order_by("pk")


def live_overrides(*, investor_id: uuid.UUID, now: datetime) -> QuerySet[Override]:
    """The investor's active, unexpired overrides, oldest first."""
    return live_overrides_of(investor_ids=[investor_id], now=now)


def live_overrides_of(*, investor_ids: Sequence[uuid.UUID], now: datetime) -> QuerySet[Override]:
    """``live_overrides`` of several investors."""
    return Override.objects.filter(
        investor_id__in=investor_ids,
        status=OverrideStatus.ACTIVE,
        valid_from__lte=now,
        valid_to__gt=now,
    ).order_by("pk")


def expired_approvals(*, now: datetime) -> QuerySet[Investor]:
    """Approved investors whose KYC has run out, longest overdue first."""
    return Investor.objects.filter(
        status=InvestorStatus.APPROVED, kyc_expires_at__lte=now
    ).order_by("kyc_expires_at")
