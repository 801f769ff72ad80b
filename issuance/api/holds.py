"""/v1/holds: what is stopped for now, for whom it concerns, and the public reason."""

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from core.api.pagination import PageQuery
from core.api.serializers import ObjectField, PublicIdField, StatusField, StrictSerializer, UtcField
from core.api.views import ApiView, path_id
from issuance.models import Hold
from issuance.states import Direction, HoldReason


class HoldOut(StrictSerializer):
    """A hold on a token, a fund, one of your investors, or one of your wallets on a token."""

    object = ObjectField()
    id = PublicIdField("hol", read_only=True)
    status = StatusField()
    directions = serializers.SerializerMethodField()
    reason_code = serializers.ChoiceField(choices=HoldReason.values, read_only=True)
    until = UtcField(read_only=True, allow_null=True)
    token_id = PublicIdField("tok", read_only=True, allow_null=True)
    fund_id = PublicIdField("fund", read_only=True, allow_null=True)
    investor_id = PublicIdField("inv", read_only=True, allow_null=True)
    wallet_id = PublicIdField("wal", read_only=True, allow_null=True)
    created_at = UtcField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    @extend_schema_field(
        {"type": "array", "items": {"type": "string", "enum": [d.lower() for d in Direction]}}
    )
    def get_directions(self, hold: Hold) -> list[str]:
        return hold.directions


class Holds(ApiView):
    scopes = {"GET": "holders:read"}

    @extend_schema(
        summary="List the holds in force that concern you",
        description=(
            "Those on tokens and funds, and those on your own investors and wallets. An order under "
            "a hold is refused with `hold_active`; one taken before waits with that `reason_code`."
        ),
        parameters=[PageQuery],
        responses=HoldOut(many=True),
    )
    def get(self, request: Request) -> HttpResponse:
        rows = Hold.objects.concerning(self.institution_id).in_force(now=timezone.now())
        return self.page(rows, query=self.query(PageQuery), show=HoldOut)


class HoldDetail(ApiView):
    scopes = {"GET": "holders:read"}

    @extend_schema(summary="Read a hold, also one that has ended", responses=HoldOut)
    def get(self, request: Request, hold_id: str) -> HttpResponse:
        rows = Hold.objects.concerning(self.institution_id)
        return self.show(rows.one(path_id("hol", hold_id)), show=HoldOut)
