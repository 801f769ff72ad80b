"""Placing and lifting holds: one pair of actions for compliance, one for operations."""

from typing import Any

from django import forms
from django.db import models

from core import portal
from core.portal import ActionCall, ReasonForm, ServiceAction, Style
from custody import queries as custody_queries
from issuance import queries, services
from issuance.models import Hold
from issuance.services.holds import HoldTerms
from issuance.states import Direction, HoldOwner, HoldReason, HoldStatus
from kyc.models import Investor, Wallet

INVESTOR = "investor"


class HoldForm(ReasonForm):
    """What to hold, in which directions, until when, and the reason institutions read."""

    subject = forms.ChoiceField(label="Hold", help_text="For one wallet choose its token.")
    named = forms.CharField(
        label="Investor or wallet",
        required=False,
        max_length=64,
        help_text="The id of the investor, or of the wallet to hold on the token chosen above."
        " Leave empty to hold a whole fund or token.",
    )
    directions = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (Direction.MINT, "Minting"),
            (Direction.REDEEM, "Redeeming"),
            (Direction.TRANSFER, "Transfers: a wallet is frozen on the chain, a token paused"),
        ],
        help_text="Orders taken already wait; nothing signed is called back.",
    )
    reason_code = forms.ChoiceField(
        label="Public reason",
        choices=[(each.value, portal.words(each.value)) for each in HoldReason],
        help_text="Institutions read this and nothing else.",
    )
    until = forms.DateTimeField(
        label="Ends at (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Empty: until somebody lifts it.",
    )
    field_order = ("subject", "named", "directions", "reason_code", "until", "reason")

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        subject = self.fields["subject"]
        if isinstance(subject, forms.ChoiceField):
            tokens = queries.tokens().order_by("symbol", "network")
            subject.choices = [
                (INVESTOR, "An investor, named below"),
                *((f"fund:{each.pk}", f"Fund {each.symbol}") for each in custody_queries.funds()),
                *((f"token:{each.pk}", f"Token {each}") for each in tokens),
            ]

    def clean(self) -> dict[str, Any]:
        """Resolve what is named; a wallet needs a token, a fund needs nothing."""
        cleaned: dict[str, Any] = super().clean() or {}
        kind, _, key = cleaned.get("subject", "").partition(":")
        named = cleaned.get("named", "").strip()
        found = portal.uuid_in(named) if named else None
        cleaned["ids"] = {f"{kind}_id": key} if key else {}
        if kind == "fund" and named:
            self.add_error("named", "A fund is held as a whole.")
        elif kind == INVESTOR:
            if not Investor.objects.filter(models.Q(pk=found)).exists():
                self.add_error("named", "There is no investor with this id.")
            cleaned["ids"] = {"investor_id": found}
        elif kind == "token" and named:
            if not Wallet.objects.filter(models.Q(pk=found)).exists():
                self.add_error("named", "There is no wallet with this id.")
            cleaned["ids"] |= {"wallet_id": found}
        return cleaned


def _place(owner: HoldOwner, call: ActionCall[None]) -> str:
    hold = services.place_hold(
        terms=HoldTerms(
            **call.data["ids"],
            directions=frozenset(Direction(each) for each in call.data["directions"]),
            owner=owner,
            reason_code=HoldReason(call.data["reason_code"]),
            note=call.reason,
            until=call.data["until"],
        ),
        actor=call.actor,
        now=call.now,
    )
    return f"{hold.public_id} holds from now on."


def _lift(owner: HoldOwner, call: ActionCall[Hold]) -> str:
    services.lift_hold(
        hold_id=call.row.pk, owner=owner, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The hold is lifted. Other holds on the same thing stay."


def _lifts(owner: HoldOwner, permission: str, explain: str) -> ServiceAction[Hold]:
    return ServiceAction(
        name=f"lift-{owner.lower()}",
        label="Lift the hold",
        permission=permission,
        form=ReasonForm,
        run=lambda call: _lift(owner, call),
        explain=explain,
        when=lambda row: row.status == HoldStatus.ACTIVE and row.owner == owner,
        style=Style.PRIMARY,
    )


PLACE_ACTIONS: list[ServiceAction[None]] = [
    ServiceAction(
        name="place-compliance",
        label="Place a hold of compliance",
        permission="portal.hold_compliance",
        form=HoldForm,
        run=lambda call: _place(HoldOwner.COMPLIANCE, call),
        explain="Stops new orders at once and those taken before they are signed. Another person"
        " of compliance lifts it.",
        style=Style.DANGER,
    ),
    ServiceAction(
        name="place-operations",
        label="Place a hold of operations",
        permission="portal.hold_operations",
        form=HoldForm,
        run=lambda call: _place(HoldOwner.OPERATIONS, call),
        explain="Stops new orders at once and those taken before they are signed. Operations"
        " lifts it.",
        style=Style.DANGER,
    ),
]
HOLD_ACTIONS = [
    _lifts(
        HoldOwner.COMPLIANCE,
        "portal.hold_compliance",
        "Ends this hold and no other. Whoever placed it cannot lift it.",
    ),
    _lifts(HoldOwner.OPERATIONS, "portal.hold_operations", "Ends this hold and no other."),
]
