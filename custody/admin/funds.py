"""Funds with where their shares stand, and the custody accounts."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest

from core import portal
from core.portal import Fact, Panel
from core.units import format_quantity
from custody import queries
from custody.admin import actions
from custody.models import CustodyAccount, Fund

ATTESTATIONS_SHOWN_MAX = 10


@admin.register(Fund)
class FundAdmin(portal.ReadOnlyAdmin[Fund]):
    """One ETF whose shares back tokens."""

    service_actions = actions.FUND_ACTIONS

    list_display = ("symbol", "name", "sponsor", "domicile", portal.status_column())
    list_filter = ("status", "domicile")
    search_fields = ("symbol", "name", "identifiers__value")
    search_help_text = "Search by symbol, name, ISIN or CUSIP"
    ordering = ("symbol",)
    empty_text = "Funds are seeded with manage.py seed_funds."

    def heading(self, row: Fund) -> str:
        return f"{row.symbol}, {row.name}"

    def facts(self, request: HttpRequest, row: Fund) -> Sequence[Fact]:
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Sponsor", portal.text(row.sponsor)),
            Fact("Domicile", portal.text(row.domicile)),
            Fact("Currency", portal.text(row.currency)),
            Fact("Smallest quantity", portal.text(format_quantity(row.quantity_step))),
            Fact("Frozen because", portal.text(row.freeze_reason)),
            Fact("Lifting proposed by", portal.actor(row.thaw_proposed_by)),
        ]

    def panels(self, request: HttpRequest, row: Fund) -> Sequence[Panel]:
        stands = queries.position(row.pk)
        buckets = ("settled", "free", "reserved", "backing", "releasing", "restricted", "suspense")
        attestations = row.attestations.order_by("-as_of")[:ATTESTATIONS_SHOWN_MAX]
        return [
            Panel(
                title="Where the shares stand",
                note="Settled is what the custodian confirmed: the sum of all but suspense.",
                facts=[
                    Fact(portal.words(name), portal.quantity(getattr(stands, name)))
                    for name in buckets
                ],
            ),
            Panel(
                title="Identifiers",
                columns=("Scheme", "Value", "From", "Until"),
                rows=[
                    (
                        portal.text(identifier.scheme),
                        portal.code(identifier.value),
                        portal.text(identifier.valid_from),
                        portal.text(identifier.valid_until, note="first day it no longer holds")
                        if identifier.valid_until
                        else portal.BLANK,
                    )
                    for identifier in row.identifiers.order_by("scheme", "valid_from")
                ],
                empty="No identifier is known; statements cannot be matched.",
            ),
            Panel(
                title="Latest attestations",
                columns=("Attestation", "Shares", "As of"),
                rows=[
                    (
                        portal.code(attestation.public_id, href=portal.page_url(attestation)),
                        portal.quantity(attestation.shares),
                        portal.time(attestation.as_of),
                    )
                    for attestation in attestations
                ],
                empty="The custodian has not attested this fund yet.",
            ),
            portal.timeline(row),
        ]


@admin.register(CustodyAccount)
class CustodyAccountAdmin(portal.ReadOnlyAdmin[CustodyAccount]):
    """Accounts at custodians; the number itself stays encrypted."""

    list_display = ("label", "custodian", "segregation", "is_countable")
    list_select_related = ("custodian",)
    search_fields = ("label", "custodian__name")
    ordering = ("custodian__name", "label")

    @admin.display(description="May back tokens", boolean=True)
    def is_countable(self, row: CustodyAccount) -> bool:
        return row.is_countable

    def facts(self, request: HttpRequest, row: CustodyAccount) -> Sequence[Fact]:
        return [
            Fact("Custodian", portal.text(row.custodian)),
            Fact("Segregation", portal.text(portal.words(row.segregation))),
            Fact("Nominee", portal.text(row.nominee)),
            Fact("Commitment to the number", portal.code(bytes(row.commitment).hex())),
            Fact("Control agreement", portal.yes_no(row.control_agreement)),
            Fact("Lien of others", portal.yes_no(row.foreign_lien)),
            Fact("Lending allowed", portal.yes_no(row.lending_allowed)),
            Fact("Margin allowed", portal.yes_no(row.margin_allowed)),
            Fact("May back tokens", portal.yes_no(row.is_countable)),
        ]
