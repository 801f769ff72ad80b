"""Wallets: which addresses an investor has proved to control."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Fact, Panel
from kyc.admin import actions
from kyc.admin.explanations import summary
from kyc.models import Wallet


@admin.register(Wallet)
class WalletAdmin(portal.ReadOnlyAdmin[Wallet]):
    """An address counts once its owner signed a challenge and the cooling-off period is over."""

    service_actions = actions.WALLET_ACTIONS

    list_display = (
        "address",
        "network",
        "investor_label",
        portal.status_column(),
        portal.time_column("proved_at", "Proved"),
        portal.time_column("usable_at", "Usable from"),
    )
    list_select_related = ("investor",)
    list_filter = ("status", "network", "investor__institution")
    search_fields = ("address", "investor__external_id")
    search_help_text = "Search by address, wallet id or investor id"
    id_search_fields = ("pk", "investor_id")
    ordering = ("-pk",)
    empty_text = "Institutions register wallets through the API."

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Wallet) -> str:
        return row.investor.external_id

    def heading(self, row: Wallet) -> str:
        return row.address

    def facts(self, request: HttpRequest, row: Wallet) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Network", portal.text(row.network)),
            Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
            Fact("Claimed", portal.time(row.created_at)),
            Fact("Proved", portal.time(row.proved_at)),
            Fact("Usable from", portal.time(row.usable_at, note="end of the cooling-off period")),
            Fact("Decision", summary(row.decision)),
        ]

    def panels(self, request: HttpRequest, row: Wallet) -> Sequence[Panel]:
        challenges = row.challenges.order_by("-issued_at")
        return [
            Panel(
                title="Challenges",
                columns=("Issued", "Expires", "Used"),
                rows=[
                    (
                        portal.time(challenge.issued_at),
                        portal.time(challenge.expires_at),
                        portal.time(challenge.used_at),
                    )
                    for challenge in challenges
                ],
                empty="The owner has not asked for a challenge yet.",
            ),
            portal.timeline(row),
        ]
