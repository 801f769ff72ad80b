"""Decisions, policy versions and overrides: what was decided, on which text, with which leave."""

from collections.abc import Sequence

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core import portal
from core.portal import Cell, Fact, Panel
from kyc.admin import actions
from kyc.admin.explanations import cited, explained
from kyc.models import Decision, Override, PolicyVersion
from kyc.policy.compiler import read_canonical
from kyc.policy.effects import Effect


@admin.register(Decision)
class DecisionAdmin(portal.ReadOnlyAdmin[Decision]):
    """Every answer the policy engine ever gave, replayable byte for byte."""

    list_display = (
        portal.id_column(),
        "investor_label",
        "action",
        portal.status_column("effect", "Effect"),
        "rules",
        portal.time_column("as_of", "Decided"),
    )
    list_select_related = ("investor",)
    list_filter = ("effect", "action", "institution")
    search_fields = ("trigger", "investor__external_id")
    search_help_text = "Search by decision id, investor id or external id"
    id_search_fields = ("pk", "investor_id")
    ordering = ("-as_of",)
    intro = (
        "Each decision keeps the policy text and the facts it saw, and can be replayed byte for"
        " byte with manage.py replay_decisions."
    )

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Decision) -> str:
        return row.investor.external_id

    @display(description="Rules that spoke")  # type: ignore[untyped-decorator]
    def rules(self, row: Decision) -> str:
        return ", ".join(_rule_ids(row)) or portal.BLANK.text

    def heading(self, row: Decision) -> str:
        return f"{portal.words(row.effect)}: {row.action}, {row.investor.external_id}"

    def facts(self, request: HttpRequest, row: Decision) -> Sequence[Fact]:
        return [
            Fact("Effect", portal.status(row.effect)),
            Fact("Id", portal.code(row.public_id)),
            Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
            Fact("Asked about", portal.text(row.action)),
            Fact("Because of", portal.text(row.trigger)),
            Fact("Decided", portal.time(row.as_of)),
            Fact("Facts seen (SHA-256)", portal.code(row.snapshot_sha256)),
            Fact("Answer (SHA-256)", portal.code(row.sha256)),
        ]

    def panels(self, request: HttpRequest, row: Decision) -> Sequence[Panel]:
        versions = PolicyVersion.objects.filter(pk__in=row.policies).order_by("name")
        return [
            *explained(row),
            Panel(
                title="Policies applied",
                columns=("Policy", "SHA-256"),
                rows=[
                    (
                        portal.link(version, portal.page_url(version)),
                        portal.code(version.sha256),
                    )
                    for version in versions
                ],
            ),
        ]


def _rule_ids(row: Decision) -> list[str]:
    speaking = [rule for rule in row.fired if rule["effect"] != Effect.ALLOW.name]
    return [str(rule["id"]) for rule in speaking if not rule.get("lifted_by")]


@admin.register(PolicyVersion)
class PolicyVersionAdmin(portal.ReadOnlyAdmin[PolicyVersion]):
    """The text of each policy as it was applied."""

    list_display = ("name", "number", "sha256", portal.time_column("registered_at", "Registered"))
    search_fields = ("name", "sha256")
    search_help_text = "Search by name or hash"
    ordering = ("name", "-number")
    empty_text = "A policy's text is kept here from its first decision on."

    def facts(self, request: HttpRequest, row: PolicyVersion) -> Sequence[Fact]:
        return [
            Fact("Version", Cell(str(row.number), number=True)),
            Fact("SHA-256", portal.code(row.sha256)),
            Fact("First applied", portal.time(row.registered_at)),
        ]

    def panels(self, request: HttpRequest, row: PolicyVersion) -> Sequence[Panel]:
        policy = read_canonical(bytes(row.body))
        return [
            Panel(
                title="Rules",
                columns=("Rule", "For a newcomer", "For a holder", "What it says"),
                rows=[
                    (
                        portal.code(rule.id, note="" if rule.overridable else "no exception"),
                        portal.status(rule.effect_new.name),
                        portal.status(rule.effect_holder.name),
                        portal.text(
                            rule.sentence, note=cited(rule.document, rule.clause, rule.quote)
                        ),
                    )
                    for rule in policy.rules
                ],
            ),
            Panel(
                title="Canonical text",
                facts=[Fact("Bytes", portal.code(bytes(row.body).decode()), wide=True)],
            ),
        ]


@admin.register(Override)
class OverrideAdmin(portal.ReadOnlyAdmin[Override]):
    """Leave from one named rule, given by two people, with an end."""

    service_actions = actions.OVERRIDE_ACTIONS

    list_display = (
        "rule",
        "investor_label",
        "kind",
        portal.status_column(),
        portal.time_column("valid_from", "From"),
        portal.time_column("valid_to", "Until"),
    )
    list_select_related = ("investor",)
    list_filter = ("status", "kind")
    search_fields = ("rule", "investor__external_id")
    id_search_fields = ("pk", "investor_id")
    ordering = ("-pk",)
    intro = "An override removes only the rule it names, needs two people, and ends by itself."
    empty_text = "Nobody has been given leave from a rule."

    @display(description="Investor", ordering="investor__external_id")  # type: ignore[untyped-decorator]
    def investor_label(self, row: Override) -> str:
        return row.investor.external_id

    def heading(self, row: Override) -> str:
        return f"{row.rule} for {row.investor.external_id}"

    def facts(self, request: HttpRequest, row: Override) -> Sequence[Fact]:
        proofs = ", ".join(f"{name}: {value}" for name, value in sorted(row.evidence.items()))
        return [
            Fact("Id", portal.code(row.public_id)),
            Fact("Rule", portal.code(row.rule)),
            Fact("Investor", portal.link(row.investor.external_id, portal.page_url(row.investor))),
            Fact("Kind", portal.text(portal.words(row.kind))),
            Fact("From", portal.time(row.valid_from)),
            Fact("Until", portal.time(row.valid_to)),
            Fact("Proposed by", portal.actor(row.proposed_by)),
            Fact("Approved by", portal.actor(row.approved_by)),
            Fact("Reason", portal.text(row.reason)),
            Fact("Evidence", portal.text(proofs)),
        ]

    def panels(self, request: HttpRequest, row: Override) -> Sequence[Panel]:
        return [portal.timeline(row)]
