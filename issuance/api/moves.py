"""/v1/moves: supply from one network to another."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.idempotency import Answer
from core.api.views import ApiView, dump, path_id
from issuance import queries, services
from issuance.api.move_shapes import (
    MoveIn,
    MoveOut,
    MovePreviewOut,
    MoveQuery,
    MoveTermsIn,
    show_move_preview,
)
from issuance.policy import MoveTerms
from kyc import policy as kyc_policy


class Moves(ApiView):
    scopes = {"GET": "orders:read", "POST": "orders:create"}

    @extend_schema(summary="List moves", parameters=[MoveQuery], responses=MoveOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        query = self.query(MoveQuery)
        rows = queries.moves_of(
            institution_id=self.institution_id,
            api_status=query.get("status", ""),
            investor_id=query.get("investor_id"),
            client_move_id=query.get("client_move_id", ""),
        )
        return self.page(rows, query=query, show=MoveOut)

    @extend_schema(
        summary="Create a move",
        description=(
            "Burns tokens on one network and, once the burn is final, mints as many on the other"
            " for the same shares. Both sides are checked before anything starts; the move waits"
            " for the holder's own transaction on the first network, see `next_action`."
        ),
        request=MoveIn,
        responses={201: MoveOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(MoveIn)
        return self.effect(
            lambda: services.create_move(
                institution_id=self.institution_id,
                terms=_terms(body),
                client_move_id=body["client_move_id"],
                context=kyc_policy.session_context(),
                actor=self.actor,
                now=self.now,
            ),
            show=MoveOut,
        )


class MovePreview(ApiView):
    scopes = {"POST": "orders:create"}
    keyed = False

    @extend_schema(
        summary="Preview a move",
        description="The same checks and refusals as a move, without any effect.",
        request=MoveTermsIn,
        responses={200: MovePreviewOut},
    )
    def post(self, request: Request) -> HttpResponse:
        accepted = services.preview_move(
            institution_id=self.institution_id,
            terms=_terms(self.body(MoveTermsIn)),
            context=kyc_policy.session_context(),
            now=self.now,
        )
        return self.respond(Answer(200, dump(show_move_preview(accepted))))


class MoveDetail(ApiView):
    scopes = {"GET": "orders:read"}

    @extend_schema(summary="Read a move", responses=MoveOut)
    def get(self, request: Request, move_id: str) -> HttpResponse:
        row = queries.move_for(institution_id=self.institution_id, move_id=path_id("mov", move_id))
        return self.show(row, show=MoveOut)


class MoveCancel(ApiView):
    scopes = {"POST": "orders:cancel"}

    @extend_schema(
        summary="Cancel a move",
        description=(
            "Possible until the tokens are in escrow. After the burn, cancel the mint leg under"
            " `/v1/orders` instead while it is queued: its shares are free again."
        ),
        request=None,
        responses={200: MoveOut},
    )
    def post(self, request: Request, move_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.cancel_move(
                institution_id=self.institution_id,
                move_id=path_id("mov", move_id),
                actor=self.actor,
                now=self.now,
            ),
            show=MoveOut,
            status=200,
        )


def _terms(body: dict[str, Any]) -> MoveTerms:
    return MoveTerms(
        investor_id=body["investor_id"],
        underlying_symbol=body["underlying_symbol"],
        from_network=body["from_network"],
        to_network=body["to_network"],
        quantity=body["qty"],
        from_wallet_address=body["from_wallet_address"],
        to_wallet_address=body["to_wallet_address"],
    )
