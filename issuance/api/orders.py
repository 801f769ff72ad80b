"""/v1/orders: mint and redeem."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.idempotency import Answer
from core.api.views import ApiView, dump, path_id
from issuance import queries, services
from issuance.api.shapes import (
    OrderIn,
    OrderOut,
    OrderQuery,
    OrderTermsIn,
    PreviewOut,
    show_preview,
)
from issuance.policy import OrderTerms
from issuance.states import OrderType
from kyc import policy as kyc_policy

ASSIGN = "issuance.assign_transactions"


class Orders(ApiView):
    scopes = {"GET": "orders:read", "POST": "orders:create"}

    @extend_schema(summary="List orders", parameters=[OrderQuery], responses=OrderOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        query = self.query(OrderQuery)
        rows = queries.orders_of(
            institution_id=self.institution_id,
            api_status=query.get("status", ""),
            investor_id=query.get("investor_id"),
            client_order_id=query.get("client_order_id", ""),
        )
        return self.page(rows, query=query, show=OrderOut)

    @extend_schema(
        summary="Create an order",
        description=(
            "A mint reserves settled shares at once and completes when its tokens are final on "
            "chain. A redemption waits for the holder's own transaction, see `next_action`."
        ),
        request=OrderIn,
        responses={201: OrderOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(OrderIn)
        return self.effect(
            lambda: services.create_order(
                institution_id=self.institution_id,
                terms=_terms(body),
                client_order_id=body["client_order_id"],
                context=kyc_policy.session_context(),
                actor=self.actor,
                now=self.now,
            ),
            show=OrderOut,
            ring=ASSIGN,
        )


class OrderPreview(ApiView):
    scopes = {"POST": "orders:create"}
    keyed = False

    @extend_schema(
        summary="Preview an order",
        description="The same checks and refusals as an order, without any effect.",
        request=OrderTermsIn,
        responses={200: PreviewOut},
    )
    def post(self, request: Request) -> HttpResponse:
        terms = _terms(self.body(OrderTermsIn))
        accepted = services.preview_order(
            institution_id=self.institution_id,
            terms=terms,
            context=kyc_policy.session_context(),
            now=self.now,
        )
        return self.respond(Answer(200, dump(show_preview(terms.type, accepted))))


class OrderDetail(ApiView):
    scopes = {"GET": "orders:read"}

    @extend_schema(summary="Read an order", responses=OrderOut)
    def get(self, request: Request, order_id: str) -> HttpResponse:
        row = queries.order_for(
            institution_id=self.institution_id, order_id=path_id("ord", order_id)
        )
        return self.show(row, show=OrderOut)


class OrderCancel(ApiView):
    scopes = {"POST": "orders:cancel"}

    @extend_schema(
        summary="Cancel an order",
        description="Possible until a chain transaction carries it; reserved shares are free again.",
        request=None,
        responses={200: OrderOut},
    )
    def post(self, request: Request, order_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.cancel_order(
                institution_id=self.institution_id,
                order_id=path_id("ord", order_id),
                actor=self.actor,
                now=self.now,
            ),
            show=OrderOut,
            status=200,
        )


def _terms(body: dict[str, Any]) -> OrderTerms:
    return OrderTerms(
        type=OrderType(body["type"].upper()),
        investor_id=body["investor_id"],
        underlying_symbol=body["underlying_symbol"],
        network=body["network"],
        quantity=body["qty"],
        wallet_address=body["wallet_address"],
    )
