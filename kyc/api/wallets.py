"""/v1/wallets: claim an address, sign a challenge, prove control."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.views import ApiView, path_id
from kyc import policy, queries, services
from kyc.api.shapes import ChallengeOut, ProofIn, WalletIn, WalletOut, WalletQuery


class Wallets(ApiView):
    scopes = {"GET": "wallets:read", "POST": "wallets:write"}

    @extend_schema(summary="List wallets", parameters=[WalletQuery], responses=WalletOut(many=True))
    def get(self, request: Request) -> HttpResponse:
        query = self.query(WalletQuery)
        rows = queries.wallets_of(
            institution_id=self.institution_id,
            investor_id=query.get("investor_id"),
            network=query.get("network", ""),
            status=query.get("status", "").upper(),
        )
        return self.page(rows, query=query, show=WalletOut)

    @extend_schema(
        summary="Claim a wallet",
        description="It counts for nothing until control over it is proved.",
        request=WalletIn,
        responses={201: WalletOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(WalletIn)
        return self.effect(
            lambda: services.claim_wallet(
                institution_id=self.institution_id, actor=self.actor, now=self.now, **body
            ),
            show=WalletOut,
        )


class WalletDetail(ApiView):
    scopes = {"GET": "wallets:read"}

    @extend_schema(summary="Read a wallet", responses=WalletOut)
    def get(self, request: Request, wallet_id: str) -> HttpResponse:
        row = queries.wallet_for(
            institution_id=self.institution_id, wallet_id=path_id("wal", wallet_id)
        )
        return self.show(row, show=WalletOut)


class WalletChallengeView(ApiView):
    scopes = {"POST": "wallets:write"}

    @extend_schema(
        summary="Ask for a challenge",
        description="An ERC-4361 message, valid for ten minutes and for one proof.",
        request=None,
        responses={201: ChallengeOut},
    )
    def post(self, request: Request, wallet_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.issue_challenge(
                institution_id=self.institution_id,
                wallet_id=path_id("wal", wallet_id),
                actor=self.actor,
                now=self.now,
            ),
            show=ChallengeOut,
        )


class WalletProof(ApiView):
    scopes = {"POST": "wallets:write"}

    @extend_schema(
        summary="Prove control over a wallet",
        description="The EIP-191 signature of the challenge by the wallet's own key.",
        request=ProofIn,
        responses={200: WalletOut},
    )
    def post(self, request: Request, wallet_id: str) -> HttpResponse:
        body = self.body(ProofIn)
        return self.effect(
            lambda: services.prove_wallet(
                institution_id=self.institution_id,
                wallet_id=path_id("wal", wallet_id),
                context=policy.session_context(),
                actor=self.actor,
                now=self.now,
                **body,
            ),
            show=WalletOut,
            status=200,
        )


class WalletRevoke(ApiView):
    scopes = {"POST": "wallets:write"}

    @extend_schema(
        summary="Revoke a wallet",
        description="It takes part in no new order. This cannot be undone.",
        request=None,
        responses={200: WalletOut},
    )
    def post(self, request: Request, wallet_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.revoke_wallet(
                institution_id=self.institution_id,
                wallet_id=path_id("wal", wallet_id),
                actor=self.actor,
                now=self.now,
            ),
            show=WalletOut,
            status=200,
        )
