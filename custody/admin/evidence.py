"""Attestations the custodian signed, and the breaks between the books."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.ids import encode_id
from core.portal import Cell, Fact, Panel
from custody.admin import actions
from custody.models import Attestation, Break


@admin.register(Attestation)
class AttestationAdmin(portal.ReadOnlyAdmin[Attestation]):
    """The custodian's signed word for the shares behind one token."""

    list_display = (
        portal.id_column(),
        "fund",
        portal.units_column("shares", "Shares"),
        "custodian",
        portal.time_column("as_of", "As of"),
        portal.time_column(title="Received"),
    )
    list_select_related = ("fund", "custodian")
    list_filter = ("fund", "custodian")
    search_fields = ("report_hash", "signer_address")
    id_search_fields = ("pk", "token_id")
    ordering = ("-as_of",)
    intro = (
        "The contract mints nothing above the latest attested figure, and nothing on a stale one."
    )
    empty_text = "The custodian is asked for an attestation when a token needs a higher cap."

    def heading(self, row: Attestation) -> str:
        return f"{portal.quantity(row.shares).text} {row.fund.symbol}"

    def facts(self, request: HttpRequest, row: Attestation) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Shares", portal.quantity(row.shares)),
            Fact("As of", portal.time(row.as_of)),
            Fact("Custodian", portal.text(row.custodian)),
            Fact("Token", portal.code(encode_id("tok", row.token_id))),
            Fact("Signed by", portal.code(row.signer_address)),
            Fact("Report hash", portal.code(row.report_hash)),
            Fact("Signature (EIP-712)", portal.code(row.signature)),
        ]

    def panels(self, request: HttpRequest, row: Attestation) -> Sequence[Panel]:
        return [
            Panel(
                title="Report that was hashed",
                facts=[Fact("Text", portal.code(row.report), wide=True)],
            ),
            portal.timeline(row),
        ]


@admin.register(Break)
class BreakAdmin(portal.ReadOnlyAdmin[Break]):
    """One difference between two books."""

    service_actions = actions.BREAK_ACTIONS

    list_display = (
        "kind_label",
        "severity",
        portal.status_column(),
        "fund",
        portal.units_column("delta", "Custodian minus ledger"),
        "subject",
        portal.time_column(title="Found"),
    )
    list_select_related = ("fund",)
    list_filter = ("status", "severity", "kind", "fund")
    search_fields = ("subject", "resolution")
    ordering = ("-pk",)
    intro = (
        "Tolerance is zero. An S0 break freezes its fund by itself; two people adjust a balance."
    )
    empty_text = "The custodian's books and ours agree."

    @display(description="Kind", ordering="kind")  # type: ignore[untyped-decorator]
    def kind_label(self, row: Break) -> str:
        return portal.words(row.kind)

    def heading(self, row: Break) -> str:
        return portal.words(row.kind)

    def facts(self, request: HttpRequest, row: Break) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Severity", _severity(row.severity)),
            Fact("Fund", portal.text(row.fund)),
            Fact("Custody account", portal.text(row.custody_account)),
            Fact("Custodian minus ledger", portal.quantity(row.delta)),
            Fact("Subject", portal.text(row.subject)),
            Fact(
                "File",
                portal.code(row.message.public_id, href=portal.page_url(row.message))
                if row.message
                else portal.BLANK,
            ),
            Fact("Line", portal.text(row.line_number)),
            Fact("Proposed by", portal.actor(row.proposed_by)),
            Fact("Resolution", portal.text(row.resolution)),
            Fact("Resolved", portal.time(row.resolved_at)),
        ]

    def panels(self, request: HttpRequest, row: Break) -> Sequence[Panel]:
        return [portal.timeline(row)]


def _severity(value: str) -> Cell:
    return Cell(value, tone={"S0": "danger", "S1": "warning"}.get(value, "neutral"))
