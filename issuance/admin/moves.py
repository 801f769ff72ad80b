"""Moves between chains: both legs, where the shares stand, and one timeline over all three."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Fact, Panel
from custody.models import LedgerTransfer
from issuance.models import Move, Order
from issuance.states import move_api_status


@admin.register(Move)
class MoveAdmin(portal.ReadOnlyAdmin[Move]):
    """Supply on its way from one token of a fund to another; approvals belong to its first leg."""

    list_display = (
        "client_move_id",
        "fund_symbol",
        "way",
        portal.units_column("quantity", "Shares"),
        portal.status_column(),
        "investor_label",
        "institution",
        portal.time_column(),
    )
    list_select_related = ("institution", "investor", "from_token__fund", "to_token")
    list_filter = ("status", "from_token", "to_token", "institution")
    search_fields = ("client_move_id", "legs__tx_hash")
    search_help_text = "Search by client move id, transaction hash, move id or investor id"
    id_search_fields = ("pk", "investor_id")
    ordering = ("-pk",)
    intro = (
        "Tokens are burned on one network first; only when that burn is final does the mint on the"
        " other begin, for the very same shares. A move that needs a person waits as its first"
        " leg, in Orders."
    )
    empty_text = "Institutions create moves through the API."

    @display(description="Fund", ordering="from_token__fund__symbol")  # type: ignore[untyped-decorator]
    def fund_symbol(self, row: Move) -> str:
        return row.from_token.fund.symbol

    @display(description="From, to")  # type: ignore[untyped-decorator]
    def way(self, row: Move) -> str:
        return f"{row.from_token.network} to {row.to_token.network}"

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Move) -> str:
        return row.investor.external_id

    def heading(self, row: Move) -> str:
        return f"Move {portal.quantity(row.quantity).text} {row.from_token.symbol} {self.way(row)}"

    def facts(self, request: HttpRequest, row: Move) -> Sequence[Fact]:
        return [
            Fact("Move", portal.code(row.public_id)),
            Fact("Client move id", portal.code(row.client_move_id)),
            Fact("Shares", portal.quantity(row.quantity)),
            Fact("From token", portal.link(row.from_token, portal.page_url(row.from_token))),
            Fact("To token", portal.link(row.to_token, portal.page_url(row.to_token))),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
            Fact(
                "From wallet",
                portal.code(row.from_wallet.address, href=portal.page_url(row.from_wallet)),
            ),
            Fact(
                "To wallet",
                portal.code(row.to_wallet.address, href=portal.page_url(row.to_wallet)),
            ),
            Fact(
                "Decision on the mint",
                portal.link(row.decision.public_id, portal.page_url(row.decision)),
            ),
            Fact("Reason", portal.text(row.reason_code.replace("_", " "))),
            Fact("Created", portal.time(row.created_at)),
            Fact("Created by", portal.actor(row.created_by)),
            Fact("Ended", portal.time(row.ended_at)),
            Fact("The API says", portal.text(move_api_status(row.status))),
        ]

    def panels(self, request: HttpRequest, row: Move) -> Sequence[Panel]:
        legs = list(row.legs.select_related("token").order_by("pk"))
        return [_legs_panel(legs), _ledger_panel(legs), portal.timeline(row, also=legs)]


def _legs_panel(legs: Sequence[Order]) -> Panel:
    return Panel(
        title="Legs",
        note="Each leg is an order. The mint appears in the transaction that settles the burn.",
        columns=("Order", "Type", "Network", "Shares", "Status", "Reason", "Transaction"),
        rows=[
            (
                portal.code(leg.public_id, href=portal.page_url(leg)),
                portal.text(portal.words(leg.type)),
                portal.text(leg.token.network),
                portal.quantity(leg.quantity),
                portal.status(leg.status),
                portal.text(leg.reason_code.replace("_", " ")),
                portal.code(leg.tx_hash),
            )
            for leg in legs
        ],
        empty="There is no leg.",
    )


def _ledger_panel(legs: Sequence[Order]) -> Panel:
    transfers = LedgerTransfer.objects.filter(cause__in=[f"order:{leg.pk}" for leg in legs])
    return Panel(
        title="Ledger transfers",
        note="Backing of the first token, reserved for the mint, backing of the second: never free.",
        columns=("Transfer", "Kind", "From", "To", "Shares", "Time"),
        rows=[
            (
                portal.code(transfer.public_id, href=portal.page_url(transfer)),
                portal.text(portal.words(transfer.kind)),
                portal.text(portal.words(transfer.source.bucket)),
                portal.text(portal.words(transfer.destination.bucket)),
                portal.quantity(transfer.quantity),
                portal.time(transfer.created_at),
            )
            for transfer in transfers.select_related("source", "destination").order_by("pk")
        ],
        empty="No shares have moved yet: the tokens still exist on the first network.",
    )
