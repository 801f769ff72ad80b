"""/v1/investors and what hangs under an investor."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.pagination import PageQuery
from core.api.views import ApiView, path_id
from kyc import queries, services
from kyc.api.shapes import (
    DocumentIn,
    DocumentOut,
    FactOut,
    FactsOut,
    InvestorIn,
    InvestorOut,
    InvestorPatch,
    InvestorQuery,
    OwnerIn,
    OwnerOut,
)
from kyc.models import Investor


class InvestorView(ApiView):
    """What the views under one investor share."""

    def investor(self, investor_id: str) -> Investor:
        """The caller's investor. Raises NotFound, also for another institution's."""
        return queries.investor_for(
            institution_id=self.institution_id, investor_id=path_id("inv", investor_id)
        )

    def who(self, investor_id: str) -> dict[str, Any]:
        """What every use case on one investor is told."""
        return {
            "institution_id": self.institution_id,
            "investor_id": path_id("inv", investor_id),
            "actor": self.actor,
            "now": self.now,
        }


class Investors(ApiView):
    scopes = {"GET": "investors:read", "POST": "investors:write"}

    @extend_schema(
        summary="List investors", parameters=[InvestorQuery], responses=InvestorOut(many=True)
    )
    def get(self, request: Request) -> HttpResponse:
        query = self.query(InvestorQuery)
        rows = queries.investors_of(
            institution_id=self.institution_id,
            status=query.get("status", "").upper(),
            external_id=query.get("external_id", ""),
        )
        return self.page(rows, query=query, show=InvestorOut)

    @extend_schema(
        summary="Create an investor",
        description="Opens a draft; add owners and documents, then submit it.",
        request=InvestorIn,
        responses={201: InvestorOut},
    )
    def post(self, request: Request) -> HttpResponse:
        body = self.body(InvestorIn)
        return self.effect(
            lambda: services.create_investor(
                institution_id=self.institution_id,
                external_id=body["external_id"],
                kind=body["kind"].upper(),
                legal_name=body["legal_name"],
                facts=body["facts"],
                actor=self.actor,
                now=self.now,
            ),
            show=InvestorOut,
        )


class InvestorDetail(InvestorView):
    scopes = {"GET": "investors:read", "PATCH": "investors:write"}

    @extend_schema(summary="Read an investor", responses=InvestorOut)
    def get(self, request: Request, investor_id: str) -> HttpResponse:
        return self.show(self.investor(investor_id), show=InvestorOut)

    @extend_schema(
        summary="Add or correct facts",
        description="Earlier facts stay on record. A holder is decided anew at once.",
        request=InvestorPatch,
        responses=InvestorOut,
    )
    def patch(self, request: Request, investor_id: str) -> HttpResponse:
        body = self.body(InvestorPatch)
        return self.effect(
            lambda: services.record_facts(facts=body["facts"], **self.who(investor_id)),
            show=InvestorOut,
            status=200,
        )


class InvestorSubmit(InvestorView):
    scopes = {"POST": "investors:write"}

    @extend_schema(
        summary="Submit an investor",
        description=(
            "Checks identity and decides. The answer is `rejected` with reasons when policy "
            "forbids the investor, else `in_review` until two people of the issuer approve."
        ),
        request=None,
        responses={200: InvestorOut},
    )
    def post(self, request: Request, investor_id: str) -> HttpResponse:
        self.empty_body()
        return self.effect(
            lambda: services.submit_investor(**self.who(investor_id)),
            show=InvestorOut,
            status=200,
        )


class InvestorFacts(InvestorView):
    scopes = {"GET": "investors:read"}

    @extend_schema(summary="List the facts held of an investor", responses=FactsOut)
    def get(self, request: Request, investor_id: str) -> HttpResponse:
        investor = self.investor(investor_id)
        facts = queries.current_facts(investor_id=investor.pk, now=self.now)
        payload = {"object": "list", "data": [FactOut(fact).data for fact in facts]}
        return self.show(payload, show=lambda shown: shown)


class InvestorDocuments(InvestorView):
    scopes = {"GET": "investors:read", "POST": "investors:write"}

    @extend_schema(
        summary="List documents", parameters=[PageQuery], responses=DocumentOut(many=True)
    )
    def get(self, request: Request, investor_id: str) -> HttpResponse:
        rows = self.investor(investor_id).documents.all()
        return self.page(rows, query=self.query(PageQuery), show=DocumentOut)

    @extend_schema(
        summary="Put a document on file", request=DocumentIn, responses={201: DocumentOut}
    )
    def post(self, request: Request, investor_id: str) -> HttpResponse:
        body = self.body(DocumentIn)
        return self.effect(
            lambda: services.add_document(**self.who(investor_id), **body), show=DocumentOut
        )


class InvestorOwners(InvestorView):
    scopes = {"GET": "investors:read", "POST": "investors:write"}

    @extend_schema(
        summary="List beneficial owners", parameters=[PageQuery], responses=OwnerOut(many=True)
    )
    def get(self, request: Request, investor_id: str) -> HttpResponse:
        rows = queries.current_owners(investor_id=self.investor(investor_id).pk)
        return self.page(rows, query=self.query(PageQuery), show=OwnerOut)

    @extend_schema(summary="Add a beneficial owner", request=OwnerIn, responses={201: OwnerOut})
    def post(self, request: Request, investor_id: str) -> HttpResponse:
        body = self.body(OwnerIn)
        body["kind"] = body["kind"].upper()
        return self.effect(
            lambda: services.add_owner(**self.who(investor_id), **body), show=OwnerOut
        )
