"""Investor review: what is known, from whom, what the policy says of it, and what to do."""

import json
from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from kyc import queries
from kyc.admin import actions
from kyc.admin.explanations import explained, summary
from kyc.models import Investor
from kyc.policy.decisions import decide
from kyc.states import Action, InvestorStatus

DECISIONS_SHOWN_MAX = 10
BPS_PER_PERCENT = 100


@admin.register(Investor)
class InvestorAdmin(portal.ReadOnlyAdmin[Investor]):
    """One person proposes the approval, another approves it; the database insists."""

    service_actions = actions.INVESTOR_ACTIONS

    list_display = (
        "external_id",
        "institution",
        "kind_label",
        portal.status_column(),
        "effect",
        portal.time_column("submitted_at", "Submitted"),
        portal.time_column("kyc_expires_at", "KYC ends"),
    )
    list_select_related = ("institution", "decision")
    list_filter = ("status", "kind", "institution")
    search_fields = ("external_id",)
    search_help_text = "Search by external id or id (names are encrypted and not searchable)"
    ordering = ("-pk",)
    intro = (
        "Open an investor to see what is known and from whom, and why the policy decided as it"
        " did. Whoever proposes an approval cannot also give it."
    )
    empty_text = "Institutions submit investors through the API; they appear here for review."

    @display(description="Kind", ordering="kind")  # type: ignore[untyped-decorator]
    def kind_label(self, row: Investor) -> str:
        return portal.words(row.kind)

    @display(description="Decision", label=portal.LABEL_TONES)  # type: ignore[untyped-decorator]
    def effect(self, row: Investor) -> tuple[str, str] | None:
        if row.decision is None:
            return None
        return row.decision.effect, portal.words(row.decision.effect)

    def heading(self, row: Investor) -> str:
        return row.external_id

    def facts(self, request: HttpRequest, row: Investor) -> Sequence[Fact]:
        return [
            Fact("Legal name", portal.text(row.legal_name)),
            Fact("Kind", portal.text(portal.words(row.kind))),
            Fact("Institution", portal.link(row.institution, portal.page_url(row.institution))),
            Fact("Id", portal.code(row.public_id)),
            Fact("Decision", summary(row.decision)),
            Fact("Submitted", portal.time(row.submitted_at)),
            Fact("Proposed by", portal.actor(row.proposed_by)),
            Fact("Proposed", portal.time(row.proposed_at)),
            Fact("Approved by", portal.actor(row.approved_by)),
            Fact("KYC ends", portal.time(row.kyc_expires_at)),
            Fact("Reason for the status", portal.text(row.reason)),
        ]

    def panels(self, request: HttpRequest, row: Investor) -> Sequence[Panel]:
        return [
            *_why(row),
            _facts_panel(row),
            _owners_panel(row),
            _documents_panel(row),
            _checks_panel(row),
            _wallets_panel(row),
            _decisions_panel(row),
            portal.timeline(row),
        ]


def _why(row: Investor) -> list[Panel]:
    """The decision that stands; in review, what the policy would say of today's facts."""
    if row.status == InvestorStatus.IN_REVIEW:
        return explained(
            decide(
                investor=row,
                action=Action.ONBOARD,
                context={},
                now=timezone.now(),
                trigger="the facts as they stand now (not stored)",
            )
        )
    latest = row.decision or row.decisions.order_by("-as_of").first()
    if latest is not None:
        return explained(latest)
    return [
        Panel(
            title="Why",
            columns=("Rule",),
            empty="The policy is asked when the institution submits the investor.",
        )
    ]


def _facts_panel(row: Investor) -> Panel:
    known = queries.current_facts(investor_id=row.pk, now=timezone.now())
    return Panel(
        title="Facts",
        note="Facts of different sources stand side by side; each is replaced only by a newer one.",
        columns=("Fact", "Value", "Source", "Recorded", "By"),
        rows=[
            (
                portal.text(portal.words(fact.name)),
                portal.text(_value(fact.value)),
                portal.text(fact.source),
                portal.time(fact.recorded_at),
                portal.actor(fact.recorded_by),
            )
            for fact in known
        ],
        empty="The institution has told us nothing yet.",
    )


def _value(stored: str) -> str:
    value = json.loads(stored)
    parts = value if isinstance(value, list) else [value]
    return ", ".join({True: "yes", False: "no"}.get(part, str(part)) for part in parts)


def _owners_panel(row: Investor) -> Panel:
    return Panel(
        title="Beneficial owners",
        columns=("Name", "Kind", "Country", "Nationality", "Share", "Controls", "Source"),
        rows=[
            (
                portal.text(owner.name),
                portal.text(portal.words(owner.kind)),
                portal.text(owner.country),
                portal.text(owner.nationality),
                Cell(f"{owner.share_bps / BPS_PER_PERCENT:.2f} %", number=True),
                portal.yes_no(owner.controls),
                portal.text(owner.source),
            )
            for owner in queries.current_owners(investor_id=row.pk)
        ],
        empty="A natural person has no owners."
        if row.kind == "NATURAL"
        else "No owner is on record; the policy treats ownership as unknown.",
    )


def _documents_panel(row: Investor) -> Panel:
    return Panel(
        title="Documents",
        columns=("Kind", "Issued by", "Expires", "SHA-256"),
        rows=[
            (
                portal.text(portal.words(document.kind)),
                portal.text(document.issuing_country),
                portal.text(document.expires_on),
                portal.code(document.sha256),
            )
            for document in row.documents.order_by("-created_at")
        ],
        empty="No document's fingerprint is on record.",
    )


def _checks_panel(row: Investor) -> Panel:
    return Panel(
        title="Identity checks",
        columns=("Provider", "Status", "Reason", "Finished"),
        rows=[
            (
                portal.text(check.provider, note=check.external_id),
                portal.status(check.status),
                portal.text(check.reason_code),
                portal.time(check.finished_at),
            )
            for check in row.checks.order_by("-created_at")
        ],
        empty="No provider has been asked.",
    )


def _wallets_panel(row: Investor) -> Panel:
    return Panel(
        title="Wallets",
        columns=("Address", "Network", "Status", "Usable from"),
        rows=[
            (
                portal.code(wallet.address, href=portal.page_url(wallet)),
                portal.text(wallet.network),
                portal.status(wallet.status),
                portal.time(wallet.usable_at),
            )
            for wallet in row.wallets.order_by("-created_at")
        ],
        empty="No wallet was registered.",
    )


def _decisions_panel(row: Investor) -> Panel:
    decisions = row.decisions.order_by("-as_of")[:DECISIONS_SHOWN_MAX]
    return Panel(
        title="Latest decisions",
        columns=("Decision", "Effect", "Asked about", "Because of", "Decided"),
        rows=[
            (
                portal.code(decision.public_id, href=portal.page_url(decision)),
                portal.status(decision.effect),
                portal.text(decision.action),
                portal.text(decision.trigger),
                portal.time(decision.as_of),
            )
            for decision in decisions
        ],
        empty="Nothing has been decided yet.",
    )
