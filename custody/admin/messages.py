"""What custodians sent: files taken or refused whole, and the statements in them."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from core import portal
from core.portal import Cell, Fact, Panel
from custody.admin import actions
from custody.models import Message, Statement

LINES_SHOWN_MAX = 200


@admin.register(Message)
class MessageAdmin(portal.ReadOnlyAdmin[Message]):
    """One file as it came in."""

    list_title = "Custodian files"

    list_service_actions = actions.MESSAGE_LIST_ACTIONS

    list_display = (
        portal.id_column(),
        "custodian",
        "kind_label",
        portal.status_column(),
        portal.text_column("error_code", "Refused because"),
        "channel_label",
        portal.time_column(title="Received"),
    )
    list_select_related = ("custodian",)
    list_filter = ("status", "kind", "channel", "custodian")
    search_fields = ("reference", "sha256", "error_code")
    search_help_text = "Search by reference, hash or id"
    ordering = ("-pk",)
    intro = (
        "A file is imported whole or refused whole. The same file again changes nothing; a refused"
        " file changes nothing and says which line was at fault."
    )
    empty_text = "No file has arrived from a custodian yet."

    @admin.display(description="Kind", ordering="kind")
    def kind_label(self, row: Message) -> str:
        return portal.words(row.kind)

    @admin.display(description="Came by", ordering="channel")
    def channel_label(self, row: Message) -> str:
        return portal.words(row.channel)

    def facts(self, request: HttpRequest, row: Message) -> Sequence[Fact]:
        return [
            Fact("Custodian", portal.text(row.custodian)),
            Fact("Kind", portal.text(portal.words(row.kind))),
            Fact("Reference", portal.code(row.reference)),
            Fact("Came by", portal.text(portal.words(row.channel))),
            Fact("Received", portal.time(row.created_at)),
            Fact("Received by", portal.actor(row.received_by)),
            Fact("Size", Cell(f"{row.size_bytes:,} bytes", number=True)),
            Fact("SHA-256", portal.code(row.sha256)),
            Fact("Refused because", portal.text(row.error_code.replace("_", " "))),
            Fact("At line", portal.text(row.error_line)),
        ]

    def panels(self, request: HttpRequest, row: Message) -> Sequence[Panel]:
        lines = row.confirmations.select_related("deposit", "delivery").order_by("line_number")
        breaks = row.breaks.order_by("pk")
        return [
            Panel(
                title="Confirmations taken from it",
                columns=("Line", "Our reference", "Outcome", "Shares", "Concerns"),
                rows=[
                    (
                        Cell(str(line.line_number), number=True),
                        portal.code(line.our_reference),
                        portal.text(portal.words(line.outcome)),
                        portal.quantity(line.quantity),
                        _concerned(line.deposit or line.delivery),
                    )
                    for line in lines[:LINES_SHOWN_MAX]
                ],
                empty="No confirmation was taken from this file.",
            ),
            Panel(
                title="Breaks it caused",
                columns=("Break", "Kind", "Severity", "Status", "Line"),
                rows=[
                    (
                        portal.code(each.public_id, href=portal.page_url(each)),
                        portal.text(portal.words(each.kind)),
                        portal.text(each.severity),
                        portal.status(each.status),
                        portal.text(each.line_number),
                    )
                    for each in breaks
                ],
                empty="It agrees with our books.",
            ),
            portal.timeline(row),
        ]


def _concerned(row: portal.PublicRow | None) -> Cell:
    return portal.code(row.public_id, href=portal.page_url(row)) if row else portal.BLANK


@admin.register(Statement)
class StatementAdmin(portal.ReadOnlyAdmin[Statement]):
    """A custodian's holdings of one account, on settled basis."""

    list_display = ("reference", "custody_account", portal.time_column("as_of", "As of"))
    list_select_related = ("custody_account",)
    list_filter = ("custody_account",)
    search_fields = ("reference",)
    ordering = ("-as_of",)
    intro = "Each line is compared with the ledger to the last unit; a difference is a break."
    empty_text = "No statement has been imported. Upload one under Custodian files."

    def heading(self, row: Statement) -> str:
        return f"Statement {row.reference}"

    def facts(self, request: HttpRequest, row: Statement) -> Sequence[Fact]:
        return [
            Fact("As of", portal.time(row.as_of)),
            Fact("Account", portal.text(row.custody_account)),
            Fact("Basis", portal.text(row.basis)),
            Fact("File", portal.code(row.message.public_id, href=portal.page_url(row.message))),
        ]

    def panels(self, request: HttpRequest, row: Statement) -> Sequence[Panel]:
        lines = row.lines.select_related("fund").order_by("line_number")[:LINES_SHOWN_MAX]
        return [
            Panel(
                title="Holdings",
                columns=("Line", "Fund", "ISIN", "Custodian", "Ledger", "Difference", "Blocked"),
                rows=[
                    (
                        Cell(str(line.line_number), number=True),
                        portal.link(line.fund, portal.page_url(line.fund)),
                        portal.code(line.isin),
                        portal.quantity(line.settled),
                        portal.quantity(line.ledger_settled),
                        _difference(line.settled - line.ledger_settled),
                        portal.quantity(line.blocked),
                    )
                    for line in lines
                ],
                empty="The statement lists no holding.",
            )
        ]


def _difference(units: int) -> Cell:
    shown = portal.quantity(units)
    return Cell("None", tone="success") if units == 0 else Cell(shown.text, tone="danger")
