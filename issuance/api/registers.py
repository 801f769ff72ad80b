"""/v1/tokens, /v1/holders and the public /v1/reserves."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.idempotency import Answer
from core.api.pagination import PageQuery
from core.api.views import ApiView, dump, path_id
from core.events import format_time
from core.units import format_quantity
from custody.models import Attestation
from issuance import queries
from issuance.api.shapes import HolderOut, HolderQuery, ReservesOut, TokenOut
from issuance.queries import Reserve, ReserveToken
from issuance.services.holdings import with_holdings


class Tokens(ApiView):
    scopes = {"GET": "tokens:read"}

    @extend_schema(summary="List tokens", parameters=[PageQuery], responses=TokenOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        return self.page(queries.tokens(), query=self.query(PageQuery), show=TokenOut, shared=True)


class TokenDetail(ApiView):
    scopes = {"GET": "tokens:read"}

    @extend_schema(summary="Read a token", responses=TokenOut)
    def get(self, request: Request, token_id: str) -> HttpResponse:
        row = queries.token_by_id(token_id=path_id("tok", token_id))
        return self.show(row, show=TokenOut)


class Holders(ApiView):
    scopes = {"GET": "holders:read"}

    @extend_schema(
        summary="List register entries of your wallets",
        description=(
            "With `as_of` each entry carries `holding`: what the wallet held at that moment, from the "
            "token's finalized events alone. A moment that is not final yet is refused."
        ),
        parameters=[HolderQuery],
        responses=HolderOut(many=True),
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(HolderQuery)
        rows = queries.holders_of(
            institution_id=self.institution_id,
            wallet_id=query.get("wallet_id"),
            token_id=query.get("token_id"),
        )
        if "as_of" in query:
            rows = with_holdings(rows, at=query["as_of"], token_id=query.get("token_id"))
        return self.page(rows, query=query, show=HolderOut)


class Reserves(ApiView):
    public = True

    @extend_schema(
        summary="Read the reserves",
        description=(
            "Public. Supply and cap at a finalized block, settled shares, and the custodian's "
            "signed attestation, so that anybody can compare them with the chain."
        ),
        responses=ReservesOut,
        auth=[],
    )
    def get(self, request: Request) -> HttpResponse:
        payload = {"object": "list", "data": [_show(each) for each in queries.reserves()]}
        return self.respond(Answer(200, dump(payload)))


def _show(reserve: Reserve) -> dict[str, Any]:
    return {
        "object": "reserve",
        "underlying_symbol": reserve.symbol,
        "settled": format_quantity(reserve.settled),
        "backing": format_quantity(reserve.backing),
        "supply": format_quantity(sum(each.supply for each in reserve.tokens)),
        "tokens": [_show_token(each) for each in reserve.tokens],
    }


def _show_token(row: ReserveToken) -> dict[str, Any]:
    return {
        "symbol": row.token.symbol,
        "network": row.token.network,
        "chain_id": row.token.chain_id,
        "contract": row.token.address,
        "supply": format_quantity(row.supply),
        "backing": format_quantity(row.backing),
        "exactly_once_on_chain": row.token.exactly_once_on_chain,
        "cap": format_quantity(row.token.attested_units) if row.token.has_attested_cap else None,
        "block": row.block,
        "block_hash": row.block_hash,
        "attestation": _show_attestation(row.attestation) if row.attestation else None,
    }


def _show_attestation(row: Attestation) -> dict[str, Any]:
    return {
        "shares": format_quantity(row.shares),
        "as_of": format_time(row.as_of),
        "report_hash": row.report_hash,
        "signature": row.signature,
        "signer_address": row.signer_address,
    }
