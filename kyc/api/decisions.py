"""/v1/decisions: the recorded answers of the policy engine."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.views import ApiView, path_id
from kyc import queries
from kyc.api.shapes import DecisionOut


class DecisionDetail(ApiView):
    scopes = {"GET": "decisions:read"}

    @extend_schema(
        summary="Read a decision",
        description="Every rule asked, which fired, what it saw and the clause it cites.",
        responses=DecisionOut,
    )
    def get(self, request: Request, decision_id: str) -> HttpResponse:
        row = queries.decision_for(
            institution_id=self.institution_id, decision_id=path_id("dec", decision_id)
        )
        return self.show(row, show=DecisionOut)
