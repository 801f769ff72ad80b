"""Holds: what is stopped for now, by whom, why, until when, and what the chain shows of it."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from issuance.admin import hold_actions
from issuance.chain.token import PAUSE_TRANSFER, encode_unpause
from issuance.models import Hold, TransferStop
from issuance.states import HoldStatus


@admin.register(Hold)
class HoldAdmin(portal.ReadOnlyAdmin[Hold]):
    """Each hold ends by itself: several may stop the same thing."""

    service_actions = hold_actions.HOLD_ACTIONS
    list_service_actions = hold_actions.PLACE_ACTIONS

    list_display = (
        "subject",
        "stops",
        portal.status_column(),
        "reason_label",
        "owner_label",
        portal.time_column("until", "Ends"),
        portal.time_column(),
    )
    list_select_related = ("token", "fund", "investor", "wallet")
    list_filter = ("status", "owner", "reason_code", "token", "fund")
    search_fields = ("wallet__address", "investor__external_id", "token__symbol", "fund__symbol")
    search_help_text = "Search by symbol, address, or the id of a hold, investor or wallet"
    id_search_fields = ("pk", "investor_id", "wallet_id", "token_id", "fund_id")
    ordering = ("status", "-pk")
    intro = (
        "A hold stops minting, redeeming or transfers of a fund, a token, an investor or one wallet."
        " Orders wait under it; nothing that is signed is called back."
    )
    empty_text = "Nothing is held, and nothing ever was."

    @display(description="Holds")  # type: ignore[untyped-decorator]
    def subject(self, row: Hold) -> str:
        return self.heading(row)

    @display(description="Stops")  # type: ignore[untyped-decorator]
    def stops(self, row: Hold) -> str:
        return ", ".join(row.directions)

    @display(description="Public reason", ordering="reason_code")  # type: ignore[untyped-decorator]
    def reason_label(self, row: Hold) -> str:
        return portal.words(row.reason_code)

    @display(description="Held by", ordering="owner")  # type: ignore[untyped-decorator]
    def owner_label(self, row: Hold) -> str:
        return portal.words(row.owner)

    def heading(self, row: Hold) -> str:
        if row.investor is not None:
            return f"Investor {row.investor.external_id}"
        if row.fund is not None:
            return f"Fund {row.fund}"
        if row.wallet is not None:
            return f"{row.wallet.address} on {row.token}"
        return f"Token {row.token}"

    def facts(self, request: HttpRequest, row: Hold) -> Sequence[Fact]:
        named = row.investor or row.fund or row.wallet or row.token
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("On", portal.link(self.heading(row), portal.page_url(named))),
            Fact("Stops", portal.text(", ".join(row.directions))),
            Fact("Public reason", portal.text(portal.words(row.reason_code))),
            Fact("Held by", portal.text(portal.words(row.owner))),
            Fact("Placed by", portal.actor(row.placed_by)),
            Fact("Placed", portal.time(row.created_at)),
            Fact("Ends", portal.time(row.until) if row.until else portal.text("when lifted")),
            *(
                [
                    Fact("Ended by", portal.actor(row.ended_by)),
                    Fact("Ended", portal.time(row.ended_at)),
                ]
                if row.status != HoldStatus.ACTIVE
                else []
            ),
            Fact("Reason", portal.text(row.note), wide=True),
        ]

    def panels(self, request: HttpRequest, row: Hold) -> Sequence[Panel]:
        return [*([_chain_panel(row)] if row.stops_transfer else []), portal.timeline(row)]


def _chain_panel(row: Hold) -> Panel:
    return Panel(
        title="On the chain",
        note="Wallets are frozen and thawed, and tokens paused, by transactions of ours. A pause is"
        " ended by the token's admin alone: send the calldata below from the admin or its timelock.",
        columns=("Token", "Wallet", "Wanted", "At finality", "Transaction", "Next"),
        rows=[
            (
                portal.link(stop.token, portal.page_url(stop.token)),
                portal.code(stop.wallet.address if stop.wallet else ""),
                portal.text("stopped" if stop.wanted else "free"),
                portal.text("stopped" if stop.standing else "free"),
                _transaction_cell(stop),
                _next_cell(stop),
            )
            for stop in TransferStop.objects.behind(row).select_related(
                "token", "wallet", "chain_transaction"
            )
        ],
        empty="The next round of the register task brings it to the chain.",
    )


def _transaction_cell(stop: TransferStop) -> Cell:
    sent = stop.chain_transaction
    return portal.code(sent.public_id, href=portal.page_url(sent)) if sent else portal.BLANK


def _next_cell(stop: TransferStop) -> Cell:
    if stop.wanted == stop.standing:
        return portal.text("nothing to do")
    if stop.wallet_id is None and not stop.wanted:
        data = f"0x{encode_unpause(PAUSE_TRANSFER).hex()}"
        return portal.code(data, note=f"the admin of {stop.token.address} sends this")
    return portal.text("our transaction, then its finality")
