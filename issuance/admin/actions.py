"""The second pair of eyes on orders, and closing a token to new ones."""

from core.portal import ActionCall, ReasonForm, ServiceAction, Style
from issuance import services
from issuance.models import Order
from issuance.states import OrderStatus


def _approve(call: ActionCall[Order]) -> str:
    services.approve_order(order_id=call.row.pk, actor=call.actor, reason=call.reason, now=call.now)
    return "The order is approved and queued for the chain."


def _reject(call: ActionCall[Order]) -> str:
    services.reject_order(order_id=call.row.pk, actor=call.actor, reason=call.reason, now=call.now)
    return "The order is rejected; what it held is on its way back."


def _waits(row: Order) -> bool:
    return row.status == OrderStatus.AWAITING_APPROVAL


ORDER_ACTIONS = [
    ServiceAction(
        name="approve",
        label="Approve",
        permission="portal.approve_order",
        form=ReasonForm,
        run=_approve,
        explain="Lets the order go to the chain. Whoever made it cannot approve it.",
        when=_waits,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="reject",
        label="Reject",
        permission="portal.reject_order",
        form=ReasonForm,
        run=_reject,
        explain="Refuses the order: a mint's shares are free again, a redemption's tokens go back"
        " to the holder.",
        when=_waits,
        style=Style.DANGER,
    ),
]
