"""The JSON of funds, positions, deposits and deliveries."""

from rest_framework import serializers

from core.api.pagination import PageQuery
from core.api.serializers import (
    ObjectField,
    PublicIdField,
    QuantityField,
    QuerySerializer,
    StatusField,
    StrictSerializer,
    UtcField,
)
from custody.states import DeliveryStatus, DepositStatus

SYMBOL_LENGTH_MAX = 16
_PARTICIPANT = r"^[A-Za-z0-9]{1,16}$"
_DESTINATION = r"^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}$"
_REFERENCE = r"^[!-~]{1,64}$"


class IdentifierOut(StrictSerializer):
    """An ISIN or CUSIP and the days it names the fund."""

    scheme = serializers.CharField(read_only=True)
    value = serializers.CharField(read_only=True)
    valid_from = serializers.DateField(read_only=True)
    valid_until = serializers.DateField(read_only=True, allow_null=True)


class FundOut(StrictSerializer):
    """A fund. ``qty_step`` is the smallest quantity that can be deposited or delivered."""

    object = ObjectField()
    id = PublicIdField("fund", read_only=True)
    symbol = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    sponsor = serializers.CharField(read_only=True)
    domicile = serializers.CharField(read_only=True)
    currency = serializers.CharField(read_only=True)
    fee_bps = serializers.IntegerField(read_only=True)
    qty_step = QuantityField(source="quantity_step", read_only=True)
    status = StatusField()
    identifiers = IdentifierOut(many=True, read_only=True)
    version = serializers.IntegerField(read_only=True)


class PositionQuery(QuerySerializer):
    """Whose position."""

    investor_id = PublicIdField("inv")


class PositionOut(StrictSerializer):
    """One investor's settled shares of one fund that are not yet tokens."""

    object = serializers.ChoiceField(["position"], default="position")
    investor_id = PublicIdField("inv")
    underlying_symbol = serializers.CharField()
    free = QuantityField(allow_zero=True)
    reserved = QuantityField(allow_zero=True)
    releasing = QuantityField(allow_zero=True)


class PositionListOut(StrictSerializer):
    """All positions of one investor, by symbol."""

    object = serializers.ChoiceField(["list"])
    data = PositionOut(many=True)  # type: ignore[assignment]  # stubs: shadows Serializer.data
    has_more = serializers.BooleanField()
    next_page_token = serializers.CharField(allow_null=True)


class MovementQuery(PageQuery):
    """Filters that both lists share."""

    investor_id = PublicIdField("inv", required=False)
    underlying_symbol = serializers.CharField(max_length=SYMBOL_LENGTH_MAX, required=False)


class DepositQuery(MovementQuery):
    """Filters of the list of deposits."""

    status = serializers.ChoiceField([s.lower() for s in DepositStatus.values], required=False)


class DeliveryQuery(MovementQuery):
    """Filters of the list of deliveries."""

    status = serializers.ChoiceField([s.lower() for s in DeliveryStatus.values], required=False)


class DepositIn(StrictSerializer):
    """Shares on their way in. ``reference`` is the institution's own and names one deposit."""

    investor_id = PublicIdField("inv")
    underlying_symbol = serializers.CharField(max_length=SYMBOL_LENGTH_MAX)
    qty = QuantityField()
    reference = serializers.RegexField(_REFERENCE)


class MovementOut(StrictSerializer):
    """What deposits and deliveries show alike."""

    object = ObjectField()
    id = PublicIdField("dep", read_only=True)
    status = StatusField()
    investor_id = PublicIdField("inv", read_only=True)
    underlying_symbol = serializers.CharField(source="fund.symbol", read_only=True)
    qty = QuantityField(source="quantity", read_only=True)
    custodian_reference = serializers.CharField(read_only=True)
    reason_code = serializers.CharField(read_only=True)
    decision_id = PublicIdField("dec", read_only=True, allow_null=True)
    settled_at = UtcField(read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)


class DepositOut(MovementOut):
    """A deposit. Only ``settled_qty`` counts as shares."""

    settled_qty = QuantityField(source="settled_quantity", allow_zero=True, read_only=True)
    reference = serializers.CharField(read_only=True)


class DestinationIn(StrictSerializer):
    """Where shares go: a depository participant and the account there."""

    participant = serializers.RegexField(_PARTICIPANT)
    account = serializers.RegexField(_DESTINATION)


class DestinationOut(StrictSerializer):
    """Where shares go."""

    participant = serializers.CharField(source="destination_participant", read_only=True)
    account = serializers.CharField(source="destination_account", read_only=True)


class DeliveryIn(StrictSerializer):
    """Free shares to be delivered out of custody."""

    investor_id = PublicIdField("inv")
    underlying_symbol = serializers.CharField(max_length=SYMBOL_LENGTH_MAX)
    qty = QuantityField()
    destination = DestinationIn()


class DeliveryOut(MovementOut):
    """A delivery. ``delivered_qty`` has left custody; the rest is held until it does."""

    id = PublicIdField("dlv", read_only=True)
    delivered_qty = QuantityField(source="settled_quantity", allow_zero=True, read_only=True)
    destination = DestinationOut(source="*", read_only=True)
