"""The holder register: which wallet may hold which token, as wanted and as finalized."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Fact, Panel
from issuance.admin import mending
from issuance.models import Holder


@admin.register(Holder)
class HolderAdmin(portal.ReadOnlyAdmin[Holder]):
    """What the contract said at finality, beside what will be written next."""

    service_actions = mending.HOLDER_ACTIONS

    list_display = (
        "wallet_address",
        "token",
        "institution",
        portal.status_column(),
        portal.yes_no_column("permitted", "May hold"),
        portal.time_column("kyc_expires_at", "KYC until"),
    )
    list_select_related = ("wallet", "token", "institution")
    list_filter = ("status", "token", "institution")
    search_fields = ("wallet__address",)
    search_help_text = "Search by address, wallet id or holder id"
    id_search_fields = ("pk", "wallet_id")
    ordering = ("-pk",)
    empty_text = "A proved wallet of an approved investor is registered by itself."

    @display(description="Wallet", ordering="wallet__address")  # type: ignore[untyped-decorator]
    def wallet_address(self, row: Holder) -> str:
        return row.wallet.address

    def heading(self, row: Holder) -> str:
        return f"{row.wallet.address} in {row.token.symbol}"

    def facts(self, request: HttpRequest, row: Holder) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Wallet", portal.code(row.wallet.address, href=portal.page_url(row.wallet))),
            Fact("Token", portal.link(row.token, portal.page_url(row.token))),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Registered", portal.time(row.registered_at)),
        ]

    def panels(self, request: HttpRequest, row: Holder) -> Sequence[Panel]:
        return [
            Panel(
                title="Register entry",
                columns=("", "Country (ISO numeric)", "KYC until", "May hold"),
                rows=[
                    (
                        portal.text("On the chain, final"),
                        portal.text(row.country),
                        portal.time(row.kyc_expires_at),
                        portal.yes_no(row.permitted),
                    ),
                    (
                        portal.text("Wanted"),
                        portal.text(row.wanted_country),
                        portal.time(row.wanted_kyc_expires_at),
                        portal.yes_no(row.wanted_permitted),
                    ),
                ],
            ),
            portal.timeline(row),
        ]
