"""The JSON of moves."""

from typing import Any

from rest_framework import serializers

from core.api.pagination import PageQuery
from core.api.serializers import (
    ObjectField,
    PublicIdField,
    QuantityField,
    StrictSerializer,
    UtcField,
)
from core.events import format_time
from core.ids import encode_id
from core.units import format_quantity
from issuance.api.shapes import CHAIN, TYPES, NextActionOut, next_action
from issuance.models import Move, Order
from issuance.policy import MoveAcceptance
from issuance.states import API_STATUSES, MoveStatus, OrderType, api_axes, move_api_status
from kyc.models import Decision, Investor

_ADDRESS = r"^0x[0-9a-fA-F]{40}$"


class MoveTermsIn(StrictSerializer):
    """Supply to move between two tokens of one fund, and the investor's wallet on each side."""

    investor_id = PublicIdField("inv")
    underlying_symbol = serializers.CharField(max_length=16, help_text="The fund, such as IBIT.")
    from_network = serializers.CharField(max_length=40)
    to_network = serializers.CharField(max_length=40)
    qty = QuantityField(help_text="Tokens to burn on one network and mint on the other.")
    from_wallet_address = serializers.RegexField(
        _ADDRESS, help_text="The proved wallet that gives its tokens up."
    )
    to_wallet_address = serializers.RegexField(
        _ADDRESS, help_text="The proved wallet that gets them, registered on its network."
    )


class MoveIn(MoveTermsIn):
    """A move. ``client_move_id`` is the institution's own and can be used once, ever."""

    client_move_id = serializers.RegexField(r"^[!-~]{1,64}$")


class MoveQuery(PageQuery):
    """Filters of the list of moves."""

    status = serializers.ChoiceField(API_STATUSES, required=False)
    investor_id = PublicIdField("inv", required=False)
    client_move_id = serializers.CharField(max_length=64, required=False)


class MoveLegOut(StrictSerializer):
    """One leg: an order of its own, to be read in full under ``/v1/orders/{order_id}``."""

    order_id = PublicIdField("ord")
    type = serializers.ChoiceField(TYPES)
    status = serializers.ChoiceField(API_STATUSES)
    state = serializers.CharField()
    chain_status = serializers.ChoiceField(CHAIN)
    reason_code = serializers.CharField(allow_null=True)
    network = serializers.CharField()
    qty = QuantityField()
    wallet_address = serializers.CharField()
    onchain_order_id = serializers.CharField()
    tx_hash = serializers.CharField(allow_null=True)
    decision_id = PublicIdField("dec")


class MoveOut(StrictSerializer):
    """A move: first the ``redeem`` leg, and once its burn is final the ``mint`` leg.

    ``failed`` after a burn means that the shares of what was not minted are free again.
    """

    object = ObjectField()
    id = PublicIdField("mov", read_only=True)
    status = serializers.ChoiceField(API_STATUSES, read_only=True)
    state = serializers.ChoiceField([str(s).lower() for s in MoveStatus], read_only=True)
    reason_code = serializers.CharField(read_only=True, allow_null=True)
    investor_id = PublicIdField("inv", read_only=True)
    underlying_symbol = serializers.CharField(read_only=True)
    from_network = serializers.CharField(read_only=True)
    to_network = serializers.CharField(read_only=True)
    qty = QuantityField(read_only=True)
    from_wallet_address = serializers.CharField(read_only=True)
    to_wallet_address = serializers.CharField(read_only=True)
    client_move_id = serializers.CharField(read_only=True)
    decision_id = PublicIdField("dec", read_only=True)
    legs = MoveLegOut(many=True, read_only=True)
    next_action = NextActionOut(read_only=True, allow_null=True)
    ended_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    def to_representation(self, instance: Move) -> dict[str, Any]:
        legs = list(instance.legs.all())
        steps = [step for leg in legs if (step := next_action(leg)) is not None]
        return {
            "object": instance.OBJECT,
            "id": instance.public_id,
            "status": move_api_status(instance.status),
            "state": instance.status.lower(),
            "reason_code": instance.reason_code or None,
            "investor_id": encode_id(Investor.PREFIX, instance.investor_id),
            "underlying_symbol": instance.from_token.fund.symbol,
            "from_network": instance.from_token.network,
            "to_network": instance.to_token.network,
            "qty": format_quantity(instance.quantity),
            "from_wallet_address": instance.from_wallet.address,
            "to_wallet_address": instance.to_wallet.address,
            "client_move_id": instance.client_move_id,
            "decision_id": encode_id(Decision.PREFIX, instance.decision_id),
            "legs": [_show_leg(leg) for leg in legs],
            "next_action": steps[0] if steps else None,
            "ended_at": format_time(instance.ended_at) if instance.ended_at else None,
            "created_at": format_time(instance.created_at),
            "version": instance.version,
        }


class MovePreviewOut(StrictSerializer):
    """What would become of a move; nothing was recorded."""

    object = serializers.ChoiceField(["move_preview"])
    effects = serializers.DictField(
        child=serializers.CharField(), help_text="The policy decision's effect on each leg."
    )
    underlying_symbol = serializers.CharField()
    from_network = serializers.CharField()
    from_contract = serializers.CharField()
    to_network = serializers.CharField()
    to_contract = serializers.CharField()
    needs_approval = serializers.BooleanField()


def show_move_preview(accepted: MoveAcceptance) -> dict[str, Any]:
    """The preview of a move that would be taken."""
    burn, mint = accepted.burn, accepted.mint
    return {
        "object": "move_preview",
        "effects": {"redeem": burn.decision.effect.lower(), "mint": mint.decision.effect.lower()},
        "underlying_symbol": burn.fund.symbol,
        "from_network": burn.token.network,
        "from_contract": burn.token.address,
        "to_network": mint.token.network,
        "to_contract": mint.token.address,
        "needs_approval": accepted.needs_approval,
    }


def _show_leg(order: Order) -> dict[str, Any]:
    status, _, _, chain = api_axes(order_type=OrderType(order.type), status=order.status)
    return {
        "order_id": order.public_id,
        "type": order.type.lower(),
        "status": status,
        "state": order.status.lower(),
        "chain_status": chain,
        "reason_code": order.reason_code or None,
        "network": order.token.network,
        "qty": format_quantity(order.quantity),
        "wallet_address": order.wallet.address,
        "onchain_order_id": str(order.onchain_id),
        "tx_hash": order.tx_hash or None,
        "decision_id": encode_id(Decision.PREFIX, order.decision_id),
    }
