"""What operators do with core's rows: keys, breakers, endpoints and deliveries."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.db import models
from django.utils import timezone

from core import breakers, services
from core.models import ApiKey, Breaker, Institution, WebhookDelivery, WebhookEndpoint
from core.portal import (
    ActionCall,
    ActionForm,
    ActionResult,
    ReasonForm,
    ServiceAction,
    Style,
    ToldReasonForm,
)
from core.states import ApiKeyStatus, BreakerStatus, DeliveryState, EndpointStatus

KEY_DAYS_MAX = 365
KEY_DAYS = 90
OVERLAP_HOURS = 72
OVERLAP_HOURS_MAX = 168


class KeyForm(ActionForm):
    """A new key: its name, what it may do, from where and for how long."""

    name = forms.CharField(max_length=80, help_text="Which system will use it.")
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="Grant only what that system needs."
    )
    allowed_networks = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One CIDR block per line, such as 203.0.113.0/24. Empty: from anywhere.",
    )
    days = forms.IntegerField(
        label="Valid for days", min_value=1, max_value=KEY_DAYS_MAX, initial=KEY_DAYS
    )

    def prepare(self, row: models.Model | None) -> None:
        super().prepare(row)
        scopes = self.fields["scopes"]
        if isinstance(scopes, forms.MultipleChoiceField):
            scopes.choices = [(scope, scope) for scope in sorted(settings.API_SCOPES)]


class ShortReasonForm(ReasonForm):
    """A reason of a few words, for a column of that length."""

    reason = forms.CharField(
        max_length=80, help_text="The institution reads this with its endpoint."
    )


class OverlapForm(ActionForm):
    """How long the old secret keeps working beside the new one."""

    hours = forms.IntegerField(
        label="Both work for hours",
        min_value=0,
        max_value=OVERLAP_HOURS_MAX,
        initial=OVERLAP_HOURS,
        help_text="The old one stops by itself when this time is over.",
    )


def _issue(call: ActionCall[Institution]) -> ActionResult:
    issued = services.issue_api_key(
        institution_id=call.row.pk,
        name=call.data["name"],
        granted=call.data["scopes"],
        lifetime=timedelta(days=call.data["days"]),
        allowed_networks=call.data["allowed_networks"].split(),
        actor=call.actor,
        now=call.now,
    )
    return ActionResult(f"Key {issued.row.kid} issued", once=[("API key", issued.text)])


def _rotate_key(call: ActionCall[ApiKey]) -> ActionResult:
    issued = services.rotate_api_key(
        institution_id=call.row.institution_id,
        key_id=call.row.pk,
        overlap=timedelta(hours=call.data["hours"]),
        actor=call.actor,
        now=call.now,
    )
    return ActionResult(
        f"Key {call.row.kid} is followed by {issued.row.kid}", once=[("API key", issued.text)]
    )


def _revoke(call: ActionCall[ApiKey]) -> str:
    services.revoke_api_key(key_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now)
    return f"Key {call.row.kid} is revoked and refused from now on."


def _halt(call: ActionCall[Breaker]) -> str:
    services.halt(name=call.row.name, reason=call.reason, actor=call.actor, now=call.now)
    return f"{call.row.name} is halted."


def _propose_reset(call: ActionCall[Breaker]) -> str:
    services.propose_reset(name=call.row.name, reason=call.reason, actor=call.actor, now=call.now)
    return f"Proposed. Another person must agree within a day; {call.row.name} stays halted."


def _withdraw_reset(call: ActionCall[Breaker]) -> str:
    services.withdraw_reset(name=call.row.name, reason=call.reason, actor=call.actor, now=call.now)
    return f"The proposal is gone; {call.row.name} stays halted."


def _approve_reset(call: ActionCall[Breaker]) -> str:
    services.approve_reset(name=call.row.name, actor=call.actor, now=call.now)
    return f"{call.row.name} lets work pass again."


def _may_be_reset(row: Breaker) -> bool:
    # A frozen fund's breaker is closed by lifting the freeze, which takes two people of its own.
    return row.status == BreakerStatus.OPEN and not row.name.startswith("fund:")


def _is_proposed(row: Breaker) -> bool:
    return _may_be_reset(row) and breakers.is_proposed(row, now=timezone.now())


def _ping(call: ActionCall[WebhookEndpoint]) -> str:
    services.send_test_ping(
        institution_id=call.row.institution_id,
        endpoint_id=call.row.pk,
        actor=call.actor,
        now=call.now,
    )
    return "A test.ping is on its way; see the deliveries below."


def _disable(call: ActionCall[WebhookEndpoint]) -> str:
    services.disable_webhook_endpoint(
        endpoint_id=call.row.pk, reason=call.reason, actor=call.actor, now=call.now
    )
    return "The endpoint gets no more events until it is enabled again."


def _enable(call: ActionCall[WebhookEndpoint]) -> str:
    services.update_webhook_endpoint(
        institution_id=call.row.institution_id,
        endpoint_id=call.row.pk,
        enabled=True,
        actor=call.actor,
        now=call.now,
    )
    return "The endpoint gets events again; its failures are forgotten."


def _redeliver(call: ActionCall[WebhookDelivery]) -> str:
    services.redeliver(delivery_id=call.row.pk, actor=call.actor, now=call.now)
    return "The delivery is queued again from the first rung of the ladder."


INSTITUTION_ACTIONS = [
    ServiceAction(
        name="issue-key",
        label="Issue an API key",
        permission="portal.issue_api_key",
        form=KeyForm,
        run=_issue,
        explain="The key's whole text is shown once on the next page and only a digest is kept.",
        style=Style.PRIMARY,
    ),
]
API_KEY_ACTIONS = [
    ServiceAction(
        name="rotate",
        label="Rotate",
        permission="portal.issue_api_key",
        form=OverlapForm,
        run=_rotate_key,
        explain="Issues a key with the same rights. Both work until the overlap ends.",
        when=lambda row: row.status == ApiKeyStatus.ACTIVE,
    ),
    ServiceAction(
        name="revoke",
        label="Revoke",
        permission="portal.issue_api_key",
        form=ToldReasonForm,
        run=_revoke,
        explain="Every request with this key is refused from now on. This cannot be undone.",
        when=lambda row: row.status == ApiKeyStatus.ACTIVE,
        style=Style.DANGER,
    ),
]
BREAKER_ACTIONS = [
    ServiceAction(
        name="approve-reset",
        label="Let work pass again",
        permission="portal.approve_breaker_reset",
        run=_approve_reset,
        explain="Closes the breaker another person proposed to close. Read below why it opened, why"
        " they ask, and what the checks say now.",
        when=_is_proposed,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="propose-reset",
        label="Propose to let work pass",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_propose_reset,
        explain="Asks another person to close the breaker. The proposal holds for a day and falls"
        " when anything trips the breaker again.",
        when=lambda row: _may_be_reset(row) and not _is_proposed(row),
    ),
    ServiceAction(
        name="withdraw-reset",
        label="Withdraw the proposal",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_withdraw_reset,
        explain="The work stays halted until somebody proposes again.",
        when=_is_proposed,
    ),
    ServiceAction(
        name="halt",
        label="Halt",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_halt,
        explain="Opens the breaker: new work of this kind is refused; what was sent is followed on.",
        when=lambda row: row.status == BreakerStatus.CLOSED,
        style=Style.DANGER,
    ),
]
ENDPOINT_ACTIONS = [
    ServiceAction(
        name="ping",
        label="Send a test event",
        permission="portal.manage_webhook",
        run=_ping,
        explain="Queues one signed test.ping for this endpoint alone.",
        when=lambda row: row.status == EndpointStatus.ENABLED,
    ),
    ServiceAction(
        name="enable",
        label="Enable",
        permission="portal.manage_webhook",
        run=_enable,
        explain="Sends events again. What failed while it was disabled can be sent again one by one.",
        when=lambda row: row.status == EndpointStatus.DISABLED,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="disable",
        label="Disable",
        permission="portal.manage_webhook",
        form=ShortReasonForm,
        run=_disable,
        explain="Stops sending to this address. The institution can enable it again.",
        when=lambda row: row.status == EndpointStatus.ENABLED,
        style=Style.DANGER,
    ),
]
DELIVERY_ACTIONS = [
    ServiceAction(
        name="redeliver",
        label="Send again",
        permission="portal.redeliver_webhook",
        run=_redeliver,
        explain="Sends the same bytes with the same event id; the receiver can tell it is a repeat.",
        when=lambda row: row.state != DeliveryState.PENDING,
        style=Style.PRIMARY,
    ),
]
