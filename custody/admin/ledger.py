"""The ledger explorer: accounts and postings, to be read only. The database refuses the rest."""

import uuid
from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.ids import encode_id
from core.portal import Cell, Fact, Panel
from custody.models import LedgerAccount, LedgerTransfer
from custody.states import INVESTOR_BUCKETS, Bucket
from kyc.models import Investor

TRANSFERS_SHOWN_MAX = 50


def _owner_cell(account: LedgerAccount) -> Cell:
    if account.owner is None:
        return portal.text("Issuer")
    if account.bucket in INVESTOR_BUCKETS:
        investor = Investor.objects.filter(pk=account.owner).first()
        if investor is not None:
            return portal.link(investor.external_id, portal.page_url(investor))
    return portal.code(_owner_id(account))


def _owner_id(account: LedgerAccount) -> str:
    owner = account.owner
    if owner is None:
        return portal.BLANK.text
    return encode_id("tok" if account.bucket == Bucket.BACKING else "inv", uuid.UUID(str(owner)))


@admin.register(LedgerAccount)
class LedgerAccountAdmin(portal.ReadOnlyAdmin[LedgerAccount]):
    """One bucket of one fund at one custody account."""

    list_display = (
        "fund",
        "bucket_label",
        portal.units_column("balance", "Balance"),
        "owner_label",
        "custody_account",
        portal.text_column("seq", "Postings"),
        portal.yes_no_column("halted", "Halted"),
    )
    list_select_related = ("fund", "custody_account")
    list_filter = ("fund", "bucket", "custody_account", "halted")
    search_fields = ("fund__symbol",)
    search_help_text = "Search by fund, investor id or token id"
    id_search_fields = ("owner",)
    ordering = ("fund__symbol", "bucket", "pk")
    intro = (
        "External is the outside world and mirrors the rest with the opposite sign. No other"
        " balance can go below zero."
    )
    empty_text = "An account opens with the first settled deposit of a fund."

    @display(description="Bucket", ordering="bucket")  # type: ignore[untyped-decorator]
    def bucket_label(self, row: LedgerAccount) -> str:
        return portal.words(row.bucket)

    @display(description="Owner")  # type: ignore[untyped-decorator]
    def owner_label(self, row: LedgerAccount) -> str:
        return _owner_id(row)

    def heading(self, row: LedgerAccount) -> str:
        return f"{row.fund.symbol}, {portal.words(row.bucket).lower()}"

    def facts(self, request: HttpRequest, row: LedgerAccount) -> Sequence[Fact]:
        return [
            Fact("Balance", portal.quantity(row.balance)),
            Fact("Fund", portal.link(row.fund, portal.page_url(row.fund))),
            Fact(
                "Custody account",
                portal.link(row.custody_account, portal.page_url(row.custody_account)),
            ),
            Fact("Owner", _owner_cell(row)),
            Fact("Postings", Cell(str(row.seq), number=True)),
            Fact("Halted", portal.yes_no(row.halted)),
        ]

    def panels(self, request: HttpRequest, row: LedgerAccount) -> Sequence[Panel]:
        touching = LedgerTransfer.objects.filter(Q(source=row) | Q(destination=row))
        latest = touching.select_related("source", "destination").order_by("-pk")
        return [
            Panel(
                title="Latest postings",
                columns=("Transfer", "Kind", "Change", "Balance after", "Number", "Cause", "Time"),
                rows=[_statement_row(row, each) for each in latest[:TRANSFERS_SHOWN_MAX]],
                empty="Nothing was posted here.",
            )
        ]


def _statement_row(account: LedgerAccount, transfer: LedgerTransfer) -> Sequence[Cell]:
    out = transfer.source == account
    sign = "-" if out else "+"
    return (
        portal.code(transfer.public_id, href=portal.page_url(transfer)),
        portal.text(portal.words(transfer.kind)),
        Cell(f"{sign}{portal.quantity(transfer.quantity).text}", number=True),
        portal.quantity(transfer.source_after if out else transfer.destination_after),
        Cell(str(transfer.source_seq if out else transfer.destination_seq), number=True),
        portal.code(transfer.cause),
        portal.time(transfer.created_at),
    )


@admin.register(LedgerTransfer)
class LedgerTransferAdmin(portal.ReadOnlyAdmin[LedgerTransfer]):
    """One posting from one bucket to another."""

    list_display = (
        portal.id_column(),
        "fund",
        "kind_label",
        "route",
        portal.units_column("quantity", "Shares"),
        "cause",
        portal.time_column(),
    )
    list_select_related = ("fund", "source", "destination")
    list_filter = ("fund", "kind", "custody_account")
    search_fields = ("cause", "idempotency_key")
    search_help_text = "Search by cause, transfer id or account owner's id"
    id_search_fields = ("pk", "source__owner", "destination__owner")
    ordering = ("-pk",)
    intro = "Postings are never changed: a mistake is reversed by another posting."
    empty_text = "The first posting is made when the custodian reports settled shares."

    @display(description="Kind", ordering="kind")  # type: ignore[untyped-decorator]
    def kind_label(self, row: LedgerTransfer) -> str:
        return portal.words(row.kind)

    @display(description="Route")  # type: ignore[untyped-decorator]
    def route(self, row: LedgerTransfer) -> str:
        arrow = "\N{RIGHTWARDS ARROW}"
        return f"{row.source.bucket.lower()} {arrow} {row.destination.bucket.lower()}"

    def heading(self, row: LedgerTransfer) -> str:
        return f"{portal.words(row.kind)} {portal.quantity(row.quantity).text} {row.fund.symbol}"

    def facts(self, request: HttpRequest, row: LedgerTransfer) -> Sequence[Fact]:
        undone = row.reverses
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Shares", portal.quantity(row.quantity)),
            Fact("Fund", portal.link(row.fund, portal.page_url(row.fund))),
            Fact("Cause", portal.code(row.cause)),
            Fact("Idempotency key", portal.code(row.idempotency_key)),
            Fact("Value date", portal.text(row.value_date)),
            Fact("Posted", portal.time(row.created_at)),
            Fact("Made by", portal.actor(row.made_by)),
            Fact("Approved by", portal.actor(row.approved_by)),
            Fact(
                "Reverses",
                portal.code(undone.public_id, href=portal.page_url(undone))
                if undone
                else portal.BLANK,
            ),
        ]

    def panels(self, request: HttpRequest, row: LedgerTransfer) -> Sequence[Panel]:
        ends = (
            ("From", row.source, row.source_after, row.source_seq),
            ("To", row.destination, row.destination_after, row.destination_seq),
        )
        return [
            Panel(
                title="Both ends",
                columns=("", "Account", "Owner", "Balance after", "Number"),
                rows=[
                    (
                        portal.text(name),
                        portal.link(portal.words(account.bucket), portal.page_url(account)),
                        _owner_cell(account),
                        portal.quantity(after),
                        Cell(str(seq), number=True),
                    )
                    for name, account, after, seq in ends
                ],
            )
        ]
