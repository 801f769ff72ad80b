"""/v1/custody/deposits and /v1/custody/deliveries: shares in and shares out."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.views import ApiView, path_id
from custody import queries, services
from custody.api.shapes import (
    DeliveryIn,
    DeliveryOut,
    DeliveryQuery,
    DepositIn,
    DepositOut,
    DepositQuery,
)

EXCHANGE = "custody.exchange_with_custodians"
CALLED_OFF = "called off by the institution"


class Deposits(ApiView):
    scopes = {"GET": "custody:read", "POST": "custody:write"}

    @extend_schema(
        summary="List deposits", parameters=[DepositQuery], responses=DepositOut(many=True)
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(DepositQuery)
        rows = queries.deposits_for(
            institution_id=self.institution_id,
            investor_id=query.get("investor_id"),
            symbol=query.get("underlying_symbol", ""),
            status=query.get("status", "").upper(),
        )
        return self.page(rows, query=query, show=DepositOut)

    @extend_schema(
        summary="Advise a deposit",
        description="Shares count once the custodian reports them settled, never before.",
        request=DepositIn,
        responses={201: DepositOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(DepositIn)
        return self.effect(
            lambda: services.advise_deposit(
                institution_id=self.institution_id,
                investor_id=body["investor_id"],
                symbol=body["underlying_symbol"],
                quantity=body["qty"],
                reference=body["reference"],
                actor=self.actor,
                now=self.now,
            ),
            show=DepositOut,
            ring=EXCHANGE,
        )


class DepositDetail(ApiView):
    scopes = {"GET": "custody:read"}

    @extend_schema(summary="Read a deposit", responses=DepositOut)
    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        row = queries.deposit_for(
            institution_id=self.institution_id, deposit_id=path_id("dep", deposit_id)
        )
        return self.show(row, show=DepositOut)


class DepositCancel(ApiView):
    scopes = {"POST": "custody:write"}

    @extend_schema(
        summary="Call off a deposit",
        description="Possible until the custodian has been told.",
        request=None,
        responses={200: DepositOut},
    )
    def post(self, request: Request, deposit_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.cancel_deposit(
                institution_id=self.institution_id,
                deposit_id=path_id("dep", deposit_id),
                reason=CALLED_OFF,
                actor=self.actor,
                now=self.now,
            ),
            show=DepositOut,
            status=200,
        )


class Deliveries(ApiView):
    scopes = {"GET": "custody:read", "POST": "custody:write"}

    @extend_schema(
        summary="List deliveries", parameters=[DeliveryQuery], responses=DeliveryOut(many=True)
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(DeliveryQuery)
        rows = queries.deliveries_for(
            institution_id=self.institution_id,
            investor_id=query.get("investor_id"),
            symbol=query.get("underlying_symbol", ""),
            status=query.get("status", "").upper(),
        )
        return self.page(rows, query=query, show=DeliveryOut)

    @extend_schema(
        summary="Request a delivery",
        description="Sets free shares aside and instructs the custodian to deliver them.",
        request=DeliveryIn,
        responses={201: DeliveryOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(DeliveryIn)
        return self.effect(
            lambda: services.request_delivery(
                institution_id=self.institution_id,
                investor_id=body["investor_id"],
                symbol=body["underlying_symbol"],
                quantity=body["qty"],
                participant=body["destination"]["participant"],
                destination_account=body["destination"]["account"],
                actor=self.actor,
                now=self.now,
            ),
            show=DeliveryOut,
            ring=EXCHANGE,
        )


class DeliveryDetail(ApiView):
    scopes = {"GET": "custody:read"}

    @extend_schema(summary="Read a delivery", responses=DeliveryOut)
    def get(self, request: Request, delivery_id: str) -> HttpResponse:
        row = queries.delivery_for(
            institution_id=self.institution_id, delivery_id=path_id("dlv", delivery_id)
        )
        return self.show(row, show=DeliveryOut)


class DeliveryCancel(ApiView):
    scopes = {"POST": "custody:write"}

    @extend_schema(
        summary="Call off a delivery",
        description="Possible until the custodian has been instructed; the shares are free again.",
        request=None,
        responses={200: DeliveryOut},
    )
    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.cancel_delivery(
                institution_id=self.institution_id,
                delivery_id=path_id("dlv", delivery_id),
                reason=CALLED_OFF,
                actor=self.actor,
                now=self.now,
            ),
            show=DeliveryOut,
            status=200,
        )
