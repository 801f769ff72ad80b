"""The second pair of eyes on orders, and the switches that halt signing."""

from core import services as core_services
from core.portal import ActionCall, ReasonForm, ServiceAction, Style
from issuance import queries, services
from issuance.models import Order, Token
from issuance.states import OrderStatus, TokenStatus


def _approve(call: ActionCall[Order]) -> str:
    services.approve_order(order_id=call.row.pk, actor=call.actor, reason=call.reason, now=call.now)
    return "The order is approved and queued for the chain."


def _reject(call: ActionCall[Order]) -> str:
    services.reject_order(order_id=call.row.pk, actor=call.actor, reason=call.reason, now=call.now)
    return "The order is rejected; what it held is on its way back."


def _halt_token(call: ActionCall[Token]) -> str:
    name = queries.token_breaker(call.row)
    core_services.halt(name=name, reason=call.reason, actor=call.actor, now=call.now)
    return f"{name} is halted: nothing new is signed for this token."


def _halt_network(call: ActionCall[Token]) -> str:
    name = queries.network_breaker(call.row.network)
    core_services.halt(name=name, reason=call.reason, actor=call.actor, now=call.now)
    return f"{name} is halted: nothing new is signed on this network."


def _close_token(call: ActionCall[Token]) -> str:
    services.close_token(token_id=call.row.pk, actor=call.actor, now=call.now)
    return f"{call.row.symbol} takes no new mints; redeeming goes on."


def _reopen_token(call: ActionCall[Token]) -> str:
    services.reopen_token(token_id=call.row.pk, actor=call.actor, now=call.now)
    return f"{call.row.symbol} takes orders again."


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
TOKEN_ACTIONS = [
    ServiceAction(
        name="reopen",
        label="Take orders again",
        permission="portal.close_fund",
        run=_reopen_token,
        explain="New mints of this token are taken again.",
        when=lambda row: row.status == TokenStatus.CLOSED,
        style=Style.PRIMARY,
    ),
    ServiceAction(
        name="halt",
        label="Halt signing for this token",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_halt_token,
        explain="Nothing new is signed; what was sent is followed on. Another person resumes it"
        " under Breakers.",
        style=Style.DANGER,
    ),
    ServiceAction(
        name="halt-network",
        label="Halt signing on the network",
        permission="portal.reset_breaker",
        form=ReasonForm,
        run=_halt_network,
        explain="The same for every token on this network.",
        style=Style.DANGER,
    ),
    ServiceAction(
        name="close",
        label="Close",
        permission="portal.close_fund",
        run=_close_token,
        explain="No new mints of this token; what is under way and every redemption go on.",
        when=lambda row: row.status == TokenStatus.ACTIVE,
        style=Style.DANGER,
    ),
]
