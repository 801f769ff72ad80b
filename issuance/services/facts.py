"""What events say about orders and moves: ids, states and quantities, never a person."""

from core.ids import encode_id
from core.units import format_quantity
from issuance.models import Move, Order
from issuance.states import MoveStatus, OrderStatus, api_axes, move_api_status
from kyc.models import Decision, Investor


def order_facts(
    order: Order, *, to: OrderStatus | None = None, tx_hash: str = "", reason_code: str = ""
) -> dict[str, str | int | None]:
    """The members an order's event carries, as they are once it is ``to``."""
    status = to or OrderStatus(order.status)
    axes = api_axes(order_type=order.type, status=status)
    return {
        "type": order.type.lower(),
        "status": axes[0],
        "state": status.lower(),
        "compliance_status": axes[1],
        "transfer_status": axes[2],
        "chain_status": axes[3],
        "reason_code": reason_code or order.reason_code or None,
        "investor_id": encode_id(Investor.PREFIX, order.investor_id),
        "decision_id": encode_id(Decision.PREFIX, order.decision_id),
        "client_order_id": order.client_order_id,
        "move_id": encode_id(Move.PREFIX, order.move_id) if order.move_id else None,
        "network": order.token.network,
        "underlying_symbol": order.token.fund.symbol,
        "qty": format_quantity(order.quantity),
        "onchain_order_id": str(order.onchain_id),
        "tx_hash": tx_hash or order.tx_hash or None,
    }


def move_facts(
    row: Move, *, to: MoveStatus | None = None, reason_code: str = ""
) -> dict[str, str | None]:
    """The members a move's event carries, as they are once it is ``to``."""
    status = to or MoveStatus(row.status)
    return {
        "status": move_api_status(status),
        "state": status.lower(),
        "reason_code": reason_code or row.reason_code or None,
        "investor_id": encode_id(Investor.PREFIX, row.investor_id),
        "decision_id": encode_id(Decision.PREFIX, row.decision_id),
        "client_move_id": row.client_move_id,
        "underlying_symbol": row.from_token.fund.symbol,
        "from_network": row.from_token.network,
        "to_network": row.to_token.network,
        "qty": format_quantity(row.quantity),
    }
