"""The JSON of orders, tokens, register entries and reserves."""

import re
from typing import Any

from django.utils.dateparse import parse_datetime as parse_time
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.pagination import PageQuery
from core.api.serializers import (
    ObjectField,
    PublicIdField,
    QuantityField,
    StatusField,
    StrictSerializer,
    UtcField,
)
from core.events import format_time
from core.ids import encode_id
from core.units import format_quantity
from issuance import queries
from issuance.chain.standards import standard_of
from issuance.chain.types import OrderItem
from issuance.models import Holder, Move, Order, Token
from issuance.policy import Acceptance
from issuance.services.holdings import AsOf
from issuance.states import API_STATUSES, OrderStatus, OrderType, api_axes

TYPES = [str(each).lower() for each in OrderType]
COMPLIANCE = ["review", "allowed", "refused"]
TRANSFER = ["none", "reserved", "backing", "settled", "released"]
CHAIN = [
    "none",
    "awaiting_tokens",
    "in_escrow",
    "submitted",
    "included",
    "checking",
    "returning",
    "returned",
    "final",
    "failed",
]


class OrderTermsIn(StrictSerializer):
    """What to issue or to redeem, for whom, and to which of the investor's wallets."""

    type = serializers.ChoiceField(TYPES)
    investor_id = PublicIdField("inv")
    underlying_symbol = serializers.CharField(max_length=16, help_text="The fund, such as IBIT.")
    network = serializers.CharField(max_length=40)
    qty = QuantityField(help_text="Shares; one share is one token.")
    wallet_address = serializers.RegexField(
        r"^0x[0-9a-fA-F]{40}$", help_text="A proved wallet of the investor."
    )


class OrderIn(OrderTermsIn):
    """An order. ``client_order_id`` is the institution's own and can be used once, ever."""

    client_order_id = serializers.RegexField(r"^[!-~]{1,64}$")


class OrderQuery(PageQuery):
    """Filters of the list of orders."""

    status = serializers.ChoiceField(API_STATUSES, required=False)
    investor_id = PublicIdField("inv", required=False)
    client_order_id = serializers.CharField(max_length=64, required=False)


class NextActionOut(StrictSerializer):
    """The holder's own step: a transaction the wallet sends to the contract."""

    type = serializers.ChoiceField(
        ["request_redeem", "transfer"],
        help_text="transfer: an `erc3643` token's holder sends its tokens to the issuer's wallet.",
    )
    contract = serializers.CharField()
    calldata = serializers.CharField()
    chain_id = serializers.IntegerField()


class OrderOut(StrictSerializer):
    """An order. ``status`` is what to act on; ``state`` and the three axes say exactly where it is."""

    object = ObjectField()
    id = PublicIdField("ord", read_only=True)
    type = StatusField()
    status = serializers.ChoiceField(API_STATUSES, read_only=True)
    state = serializers.ChoiceField([str(s).lower() for s in OrderStatus], read_only=True)
    compliance_status = serializers.ChoiceField(COMPLIANCE, read_only=True)
    transfer_status = serializers.ChoiceField(TRANSFER, read_only=True)
    chain_status = serializers.ChoiceField(CHAIN, read_only=True)
    reason_code = serializers.CharField(read_only=True, allow_null=True)
    investor_id = PublicIdField("inv", read_only=True)
    underlying_symbol = serializers.CharField(read_only=True)
    network = serializers.CharField(read_only=True)
    qty = QuantityField(read_only=True)
    wallet_address = serializers.CharField(read_only=True)
    client_order_id = serializers.CharField(read_only=True)
    move_id = PublicIdField(
        "mov", read_only=True, allow_null=True, help_text="The move this order is a leg of."
    )
    tx_hash = serializers.CharField(read_only=True, allow_null=True)
    onchain_order_id = serializers.CharField(read_only=True)
    decision_id = PublicIdField("dec", read_only=True)
    next_action = NextActionOut(read_only=True, allow_null=True)
    completed_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    def to_representation(self, instance: Order) -> dict[str, Any]:
        status, compliance, transfer, chain = api_axes(
            order_type=instance.type, status=instance.status
        )
        plain = {
            name: self.fields[name].to_representation(value)
            for name, value in {
                "investor_id": instance.investor_id,
                "decision_id": instance.decision_id,
                "created_at": instance.created_at,
            }.items()
        }
        completed = instance.completed_at
        return {
            "object": instance.OBJECT,
            "id": instance.public_id,
            "type": instance.type.lower(),
            "status": status,
            "state": instance.status.lower(),
            "compliance_status": compliance,
            "transfer_status": transfer,
            "chain_status": chain,
            "reason_code": instance.reason_code or None,
            "investor_id": plain["investor_id"],
            "underlying_symbol": instance.token.fund.symbol,
            "network": instance.token.network,
            "qty": format_quantity(instance.quantity),
            "wallet_address": instance.wallet.address,
            "client_order_id": instance.client_order_id,
            "move_id": encode_id(Move.PREFIX, instance.move_id) if instance.move_id else None,
            "tx_hash": instance.tx_hash or None,
            "onchain_order_id": str(instance.onchain_id),
            "decision_id": plain["decision_id"],
            "next_action": next_action(instance),
            "completed_at": self.fields["completed_at"].to_representation(completed),
            "created_at": plain["created_at"],
            "version": instance.version,
        }


def next_action(order: Order) -> dict[str, Any] | None:
    """What the holder's wallet must send now, or None when it is not the holder's turn."""
    if order.status != OrderStatus.AWAITING_TOKENS:
        return None
    item = OrderItem(order_id=order.onchain_id, account=order.wallet.address, amount=order.quantity)
    step = standard_of(order.token).holder_step(item)
    return {
        "type": step.name,
        "contract": order.token.address,
        "calldata": f"0x{step.data.hex()}",
        "chain_id": order.token.chain_id,
    }


class PreviewOut(StrictSerializer):
    """What would become of an order; nothing was reserved or recorded."""

    object = serializers.ChoiceField(["order_preview"])
    type = serializers.ChoiceField(TYPES)
    state = serializers.ChoiceField(["queued", "awaiting_approval", "awaiting_tokens"])
    effect = serializers.CharField(help_text="The policy decision's effect.")
    underlying_symbol = serializers.CharField()
    network = serializers.CharField()
    contract = serializers.CharField()
    wallet_address = serializers.CharField()
    needs_approval = serializers.BooleanField()


def show_preview(order_type: OrderType, accepted: Acceptance) -> dict[str, Any]:
    """The preview of an order that would be taken."""
    state = "awaiting_approval" if accepted.needs_approval else "queued"
    if order_type == OrderType.REDEEM:
        state = "awaiting_tokens"
    return {
        "object": "order_preview",
        "type": order_type.lower(),
        "state": state,
        "effect": accepted.decision.effect.lower(),
        "underlying_symbol": accepted.fund.symbol,
        "network": accepted.token.network,
        "contract": accepted.token.address,
        "wallet_address": accepted.wallet.address,
        "needs_approval": accepted.needs_approval,
    }


class TokenOut(StrictSerializer):
    """One fund on one network. Quantities are as of the last finalized look."""

    object = ObjectField()
    id = PublicIdField("tok", read_only=True)
    underlying_symbol = serializers.CharField(source="fund.symbol", read_only=True)
    symbol = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    network = serializers.CharField(read_only=True)
    chain_id = serializers.IntegerField(read_only=True)
    contract = serializers.CharField(source="address", read_only=True)
    decimals = serializers.SerializerMethodField()
    standard = serializers.SerializerMethodField(
        help_text="sharemint: our own contract. erc3643: an existing token of the issuer's."
    )
    exactly_once_on_chain = serializers.BooleanField(
        read_only=True,
        help_text="Whether the contract itself refuses an order a second time and caps its supply"
        " by attested shares. False: only this service's own record does.",
    )
    status = StatusField()
    supply = serializers.SerializerMethodField()
    attested = serializers.SerializerMethodField()
    attested_as_of = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    @extend_schema_field({"type": "string", "enum": ["sharemint", "erc3643"]})
    def get_standard(self, token: Token) -> str:
        return str(token.standard).lower()

    @extend_schema_field({"type": "integer", "enum": [18]})
    def get_decimals(self, token: Token) -> int:
        return 18

    @extend_schema_field({"type": "string", "examples": ["900.25"]})
    def get_supply(self, token: Token) -> str:
        latest = queries.latest_snapshot(token_id=token.pk)
        return format_quantity(latest.supply if latest else 0)

    @extend_schema_field({"type": "string", "examples": ["1000"]})
    def get_attested(self, token: Token) -> str:
        return format_quantity(token.attested_units)


@extend_schema_field(
    {
        "type": "string",
        "description": "A block number (with `token_id`), or a time in RFC 3339 UTC.",
        "examples": ["2026-11-22T12:00:00Z", "19876543"],
    }
)
class AsOfField(serializers.Field[AsOf, str, str, AsOf]):
    """A moment in the chain's past."""

    default_error_messages = {"as_of_invalid": "Expected a block number or a time with a zone."}

    def to_internal_value(self, data: object) -> AsOf:
        text = str(data)
        if re.fullmatch(r"[0-9]{1,15}", text):
            return AsOf(block=int(text))
        moment = parse_time(text)
        if moment is None or moment.tzinfo is None:
            self.fail("as_of_invalid")
        return AsOf(time=moment)


class HolderQuery(PageQuery):
    """Filters of the holder register; with ``as_of`` each entry says what the wallet held then."""

    wallet_id = PublicIdField("wal", required=False)
    token_id = PublicIdField("tok", required=False)
    as_of = AsOfField(required=False)


class HoldingOut(StrictSerializer):
    """What a wallet held at a finalized moment; `block` is the last one before it that changed it."""

    balance = QuantityField()
    frozen = QuantityField(help_text="How much of the balance may not move; may exceed it.")
    escrowed = QuantityField(help_text="In the contract for redemptions; no part of the balance.")
    is_frozen = serializers.BooleanField(help_text="Nothing may move.")
    block = serializers.IntegerField(allow_null=True)
    block_time = UtcField(allow_null=True)


class HolderOut(StrictSerializer):
    """A wallet's entry in a token's register, as the chain holds it at finality."""

    object = ObjectField()
    id = PublicIdField("hld", read_only=True)
    token_id = PublicIdField("tok", read_only=True)
    wallet_id = PublicIdField("wal", read_only=True)
    network = serializers.CharField(source="token.network", read_only=True)
    underlying_symbol = serializers.CharField(source="token.fund.symbol", read_only=True)
    address = serializers.CharField(source="wallet.address", read_only=True)
    status = StatusField()
    permitted = serializers.SerializerMethodField()
    kyc_expires_at = UtcField(read_only=True, allow_null=True)
    registered_at = UtcField(read_only=True, allow_null=True)
    holding = serializers.SerializerMethodField()
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    @extend_schema_field(HoldingOut(allow_null=True))
    def get_holding(self, holder: Holder) -> dict[str, Any] | None:
        if not hasattr(holder, "holding"):  # only with `as_of`
            return None
        found = holder.holding or {}
        changed = parse_time(found.get("block_time") or "")
        return {
            "balance": format_quantity(int(found.get("balance", 0))),
            "frozen": format_quantity(int(found.get("frozen_amount", 0))),
            "escrowed": format_quantity(int(found.get("escrowed", 0))),
            "is_frozen": bool(found.get("frozen", False)),
            "block": found.get("block"),
            "block_time": format_time(changed) if changed else None,
        }

    @extend_schema_field({"type": "boolean"})
    def get_permitted(self, holder: Holder) -> bool:
        return bool(holder.permitted)


class AttestationOut(StrictSerializer):
    """The custodian's signed figure (EIP-712 ``Attestation``), for anybody to verify."""

    shares = QuantityField()
    as_of = UtcField()
    report_hash = serializers.CharField()
    signature = serializers.CharField()
    signer_address = serializers.CharField()


class ReserveTokenOut(StrictSerializer):
    """One token of the fund, at a finalized block."""

    symbol = serializers.CharField()
    network = serializers.CharField()
    chain_id = serializers.IntegerField()
    contract = serializers.CharField()
    supply = QuantityField()
    backing = QuantityField()
    exactly_once_on_chain = serializers.BooleanField()
    cap = QuantityField(allow_null=True, help_text="null: no contract caps this token.")
    block = serializers.IntegerField(allow_null=True)
    block_hash = serializers.CharField(allow_null=True)
    attestation = AttestationOut(allow_null=True)


class ReserveOut(StrictSerializer):
    """What stands behind one fund's tokens."""

    object = serializers.ChoiceField(["reserve"])
    underlying_symbol = serializers.CharField()
    settled = QuantityField()
    backing = QuantityField()
    supply = QuantityField()
    tokens = ReserveTokenOut(many=True)


class ReservesOut(StrictSerializer):
    """Every fund with tokens; public."""

    object = serializers.ChoiceField(["list"])
    data = ReserveOut(many=True)  # type: ignore[assignment]  # stubs
