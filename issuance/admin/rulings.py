"""A person's word on an order that its contract cannot be asked about, with the evidence beside it."""

from django import forms

from core import portal
from core.portal import ActionCall, Cell, Panel, ReasonForm, ServiceAction, Style
from issuance.models import Order
from issuance.services import unknowable


class ExecutedForm(ReasonForm):
    """The transaction that carried the order out."""

    executed_in = forms.RegexField(
        r"^0x[0-9a-fA-F]{64}$",
        label="Transaction",
        help_text="One of the candidates listed on the order's page.",
    )


def _executed(call: ActionCall[Order]) -> str:
    unknowable.rule_order(
        order_id=call.row.pk,
        executed_in=str(call.data["executed_in"]).lower(),
        reason=call.reason,
        actor=call.actor,
        now=call.now,
    )
    return "The order ends with the transaction you named."


def _not_executed(call: ActionCall[Order]) -> str:
    unknowable.rule_order(
        order_id=call.row.pk, executed_in="", reason=call.reason, actor=call.actor, now=call.now
    )
    return "The order is signed again once the token's breaker is closed by two people."


RULING_ACTIONS = [
    ServiceAction(
        name="rule-executed",
        label="It was carried out",
        permission="portal.reset_breaker",
        form=ExecutedForm,
        run=_executed,
        explain="This token's contract knows no order ids. Name the transaction that shows this"
        " order's tokens; it must be a candidate that no other order has claimed.",
        when=unknowable.awaits_ruling,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="rule-not-executed",
        label="It was not carried out",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_not_executed,
        explain="It will be signed again. If you are wrong, it happens twice: compare the candidates"
        " and every transaction of our keys first.",
        when=unknowable.awaits_ruling,
        style=Style.DANGER,
    ),
]


def candidate_panels(row: Order) -> list[Panel]:
    """What the chain shows that may have been this order; nothing when no ruling is awaited."""
    if not unknowable.awaits_ruling(row):
        return []
    return [
        Panel(
            title="Candidates on chain",
            note="Finalized movements of this wallet and quantity that no order has claimed.",
            columns=("Event", "Block", "Shares", "Transaction"),
            rows=[
                (
                    portal.text(log.kind),
                    Cell(str(log.block), number=True),
                    portal.quantity(log.quantity),
                    portal.code(log.tx_hash),
                )
                for log in unknowable.candidates(row)
            ],
            empty="The chain shows none up to the finalized block that was read.",
        )
    ]
