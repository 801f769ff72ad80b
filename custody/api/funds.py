"""/v1/funds and /v1/custody/positions: what can be held and what is."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.idempotency import Answer
from core.api.pagination import PageQuery
from core.api.views import ApiView, dump, path_id
from custody import queries
from custody.api.shapes import FundOut, PositionListOut, PositionOut, PositionQuery
from kyc import queries as kyc_queries


class Funds(ApiView):
    scopes = {"GET": "funds:read"}

    @extend_schema(summary="List funds", parameters=[PageQuery], responses=FundOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        return self.page(queries.funds(), query=self.query(PageQuery), show=FundOut, shared=True)


class FundDetail(ApiView):
    scopes = {"GET": "funds:read"}

    @extend_schema(summary="Read a fund", responses=FundOut)
    def get(self, request: Request, fund_id: str) -> HttpResponse:
        return self.show(queries.fund_by_id(path_id("fund", fund_id)), show=FundOut)


class Positions(ApiView):
    scopes = {"GET": "custody:read"}

    @extend_schema(
        summary="Read an investor's positions",
        description="Settled shares that are not tokens yet: free, reserved by mint orders, "
        "and on their way out.",
        parameters=[PositionQuery],
        responses=PositionListOut,
    )
    def get(self, request: Request) -> HttpResponse:
        investor = kyc_queries.investor_for(
            institution_id=self.institution_id, **self.query(PositionQuery)
        )
        rows = [
            PositionOut(
                {
                    "object": "position",
                    "investor_id": investor.pk,
                    "underlying_symbol": symbol,
                    "free": held.free,
                    "reserved": held.reserved,
                    "releasing": held.releasing,
                }
            ).data
            for symbol, held in queries.positions_of(investor_id=investor.pk)
        ]
        payload = {"object": "list", "data": rows, "has_more": False, "next_page_token": None}
        return self.respond(Answer(200, dump(payload)))
