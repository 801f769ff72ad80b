"""An institution's program on a journey: it posts, and waits for what it reads."""

import json

from django.utils import timezone

from config.devstack.processes import wait_until
from core.actors import operator
from kyc import services as kyc_services
from kyc.models import Investor
from tests.core.conftest import make_client, make_institution

SECONDS_MAX = 90


class Traveller:
    """An institution's program: it posts, and waits for what it reads."""

    def __init__(self, pump):
        self.api = make_client(make_institution())
        self.pump = pump

    def post(self, path, body=None):
        answer = self.api.post(f"/v1/{path}", body or {})
        assert answer.status_code in {200, 201}, answer.content
        return answer.json()

    def wait(self, path, done):
        seen: list[dict[str, object]] = []

        def ready():
            seen[:] = [self.api.get(f"/v1/{path}").json()]
            return done(seen[0])

        wait_until(ready, child=self.pump, timeout_seconds=SECONDS_MAX, what=path)
        return seen[0]


def onboard(traveller):
    facts = {
        "residence": "CH",
        "nationality": "CH",
        "tax_residence": "CH",
        "bank_country": "CH",
        "phone": "+41446681800",
    }
    investor = traveller.post(
        "investors",
        {"external_id": "a-1", "kind": "natural", "legal_name": "Anna Muster", "facts": facts},
    )
    traveller.post(
        f"investors/{investor['id']}/documents",
        {
            "kind": "passport",
            "issuing_country": "CH",
            "expires_on": "2035-01-01",
            "sha256": "ab" * 32,
        },
    )
    submitted = traveller.post(f"investors/{investor['id']}/submit")
    assert submitted["status"] == "in_review", json.dumps(submitted)
    row = Investor.objects.get()
    now = timezone.now()
    kyc_services.propose_approval(investor_id=row.pk, actor=operator(1), now=now)
    kyc_services.approve_investor(investor_id=row.pk, actor=operator(2), now=now)
    return investor["id"]


def prove(traveller, investor_id, key, *networks):
    """Prove the wallet on every network, then wait until each register has it."""
    for wallet_id in [_prove(traveller, investor_id, key, each) for each in networks]:
        traveller.wait(
            f"holders?wallet_id={wallet_id}",
            lambda page: page["data"] and all(h["status"] == "registered" for h in page["data"]),
        )


def _prove(traveller, investor_id, key, network):
    claimed = traveller.post(
        "wallets", {"investor_id": investor_id, "network": network, "address": key.address}
    )
    challenge = traveller.post(f"wallets/{claimed['id']}/challenge")
    traveller.post(
        f"wallets/{claimed['id']}/proof",
        {
            "message": challenge["message"],
            "signature": key.personal_sign(challenge["message"]),
        },
    )
    return claimed["id"]
