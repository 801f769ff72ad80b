"""Deposits and deliveries: shares on their way in and out."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from custody.admin import actions
from custody.models import Confirmation, Delivery, Deposit, LedgerTransfer

_COLUMNS = (
    "fund",
    portal.units_column("quantity", "Shares"),
    portal.units_column("settled_quantity", "Settled"),
    portal.status_column(),
    "investor_label",
    "institution",
    portal.time_column(),
)


class MovementAdmin(portal.ReadOnlyAdmin[portal.Row]):
    """What both have in common."""

    list_select_related = ("fund", "investor", "institution")
    list_filter = ("status", "fund", "institution")
    id_search_fields = ("pk", "investor_id")
    ordering = ("-pk",)

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Deposit | Delivery) -> str:
        return row.investor.external_id


def _shared_facts(row: Deposit | Delivery) -> list[Fact]:
    return [
        Fact("Id", portal.code(row.public_id)),
        Fact("Shares", portal.quantity(row.quantity)),
        Fact("Settled", portal.quantity(row.settled_quantity)),
        Fact("Fund", portal.link(row.fund, portal.page_url(row.fund))),
        Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
        Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
        Fact(
            "Custody account",
            portal.link(row.custody_account, portal.page_url(row.custody_account)),
        ),
        Fact("Custodian's reference", portal.code(row.custodian_reference)),
        Fact("Reason", portal.text(row.reason_code.replace("_", " "))),
        Fact("Requested by", portal.actor(row.requested_by)),
        Fact("Created", portal.time(row.created_at)),
        Fact("Custodian told", portal.time(row.sent_at)),
        Fact("Settled in full", portal.time(row.settled_at)),
    ]


def _shared_panels(row: Deposit | Delivery) -> list[Panel]:
    transfers = LedgerTransfer.objects.filter(cause=f"{row.OBJECT}:{row.pk}")
    confirmations = row.confirmations.select_related("message").order_by("pk")
    return [
        Panel(
            title="Custodian's confirmations",
            note="Only what the custodian confirms as settled is posted.",
            columns=("Reference", "Outcome", "Shares", "Value date", "Reason", "File"),
            rows=[_confirmation_row(each) for each in confirmations],
            empty="The custodian has not answered yet.",
        ),
        Panel(
            title="Ledger transfers",
            columns=("Transfer", "Kind", "Shares", "Time"),
            rows=[
                (
                    portal.code(transfer.public_id, href=portal.page_url(transfer)),
                    portal.text(portal.words(transfer.kind)),
                    portal.quantity(transfer.quantity),
                    portal.time(transfer.created_at),
                )
                for transfer in transfers.order_by("pk")
            ],
            empty="No shares have moved for it.",
        ),
        portal.timeline(row),
    ]


def _confirmation_row(row: Confirmation) -> Sequence[Cell]:
    return (
        portal.code(row.custodian_reference),
        portal.text(portal.words(row.outcome)),
        portal.quantity(row.quantity),
        portal.text(row.value_date),
        portal.text(row.reason_code),
        portal.code(row.message.public_id, href=portal.page_url(row.message)),
    )


@admin.register(Deposit)
class DepositAdmin(MovementAdmin[Deposit]):
    """Shares an institution announced; they count once settled."""

    service_actions = actions.DEPOSIT_ACTIONS

    list_display = ("reference", *_COLUMNS)
    search_fields = ("reference", "custodian_reference", "investor__external_id")
    search_help_text = "Search by reference, deposit id or investor id"
    intro = "Advised, matched, settled: only settled shares can be minted against."
    empty_text = "Institutions advise deposits through the API."

    def heading(self, row: Deposit) -> str:
        return f"Deposit {row.reference}"

    def facts(self, request: HttpRequest, row: Deposit) -> Sequence[Fact]:
        return [Fact("Reference", portal.code(row.reference)), *_shared_facts(row)]

    def panels(self, request: HttpRequest, row: Deposit) -> Sequence[Panel]:
        return _shared_panels(row)


@admin.register(Delivery)
class DeliveryAdmin(MovementAdmin[Delivery]):
    """Shares an institution wants out of custody."""

    list_title = "Deliveries"

    service_actions = actions.DELIVERY_ACTIONS

    list_display = (portal.id_column(), *_COLUMNS)
    search_fields = ("custodian_reference", "investor__external_id")
    search_help_text = "Search by delivery id, investor id or custodian's reference"
    intro = "Requested, instructed, delivered: the shares leave the books on confirmation only."
    empty_text = "Institutions ask for deliveries through the API."

    def facts(self, request: HttpRequest, row: Delivery) -> Sequence[Fact]:
        account = row.destination_account
        masked = f"ends in {account[-4:]}" if account else ""
        return [
            *_shared_facts(row),
            Fact("To participant", portal.code(row.destination_participant)),
            Fact("To account", portal.text(masked)),
        ]

    def panels(self, request: HttpRequest, row: Delivery) -> Sequence[Panel]:
        return _shared_panels(row)
