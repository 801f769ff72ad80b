"""From an unknown investor to shares delivered out, over the public API, with Redis away."""

import json
import os
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from config.devstack import launch, ports, testing
from config.devstack.processes import start, stop, wait_until
from core.actors import operator
from core.units import parse_quantity
from custody import queries as custody_queries
from custody.models import Fund
from issuance.chain.client import ChainClient
from issuance.chain.token import TokenReader
from issuance.chain.wallets import Wallet as Key
from issuance.invariants import check_all
from issuance.models import Token
from kyc import services as kyc_services
from kyc.models import Investor
from tests.core.conftest import make_client, make_institution
from tests.crash.processes import PASSWORD

SECONDS_MAX = 90
ATTESTOR_KEY = "0x" + "22" * 32
MANAGE = [sys.executable, "manage.py"]


@pytest.fixture
def stack(anvil, process_env, settings, tmp_path, monkeypatch):
    """Funds, tokens, the sandbox custodian and the pump; nothing else knows of an investor."""
    port = ports.free_port()
    (tmp_path / "password").write_text(PASSWORD)
    env = {
        "SIGNER_KEYSTORES": str(tmp_path / "keys"),
        "SIGNER_PASSWORD_FILE": str(tmp_path / "password"),
        "CUSTODIAN_URL": f"http://127.0.0.1:{port}",
        "CUSTODIAN_SECRET": "secret between the two",
        "SANDBOX_ATTESTOR_KEY": ATTESTOR_KEY,
        "SANDBOX_CUSTODIAN_DELAY_SECONDS": "0",
        "WALLET_COOLING_OFF_SECONDS": "0",
        "KYC_PROVIDER": "sandbox",
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there
    }
    for name in ("SIGNER_KEYSTORES", "SIGNER_PASSWORD_FILE"):
        setattr(settings, name, env[name])
    settings.WALLET_COOLING_OFF = timedelta(0)
    settings.KYC_PROVIDER = "sandbox"
    monkeypatch.setitem(os.environ, "SANDBOX_ATTESTOR_KEY", ATTESTOR_KEY)
    launch.open_custody()
    launch.launch_tokens("anvil")
    anvil.interval_mining(1)
    commands = {
        "custodian": [
            "sandbox_custodian",
            "--port",
            str(port),
            "--state",
            str(tmp_path / "custodian"),
        ],
        "pump": ["pump"],
    }
    children = [
        start(
            name,
            [*MANAGE, *arguments],
            log_path=testing.folder() / f"journey-{name}.log",
            env=process_env | env,
        )
        for name, arguments in commands.items()
    ]
    yield children[1]
    stop(children, timeout_seconds=10)


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


def prove(traveller, investor_id, key):
    claimed = traveller.post(
        "wallets", {"investor_id": investor_id, "network": "anvil", "address": key.address}
    )
    challenge = traveller.post(f"wallets/{claimed['id']}/challenge")
    traveller.post(
        f"wallets/{claimed['id']}/proof",
        {
            "message": challenge["message"],
            "signature": key.personal_sign(challenge["message"]),
        },
    )
    traveller.wait(
        f"holders?wallet_id={claimed['id']}",
        lambda page: page["data"] and all(h["status"] == "registered" for h in page["data"]),
    )


def deliver(traveller, investor_id, qty):
    delivery = traveller.post(
        "custody/deliveries",
        {
            "investor_id": investor_id,
            "underlying_symbol": "IBIT",
            "qty": qty,
            "destination": {"participant": "0123", "account": "MUSTER-01"},
        },
    )
    traveller.wait(f"custody/deliveries/{delivery['id']}", lambda row: row["status"] == "delivered")


def test_an_investor_mints_redeems_and_takes_the_shares_out(stack, anvil):
    traveller, key = Traveller(stack), Key(os.urandom(32))
    anvil.set_balance(key.address, 10**18)
    investor_id = onboard(traveller)
    prove(traveller, investor_id, key)
    deposit = traveller.post(
        "custody/deposits",
        {
            "investor_id": investor_id,
            "underlying_symbol": "IBIT",
            "qty": "1000",
            "reference": "d-1",
        },
    )
    traveller.wait(f"custody/deposits/{deposit['id']}", lambda row: row["status"] == "settled")
    terms = {
        "investor_id": investor_id,
        "underlying_symbol": "IBIT",
        "network": "anvil",
        "wallet_address": key.address,
    }
    mint = traveller.post(
        "orders", terms | {"type": "mint", "qty": "600.25", "client_order_id": "m-1"}
    )
    done = traveller.wait(f"orders/{mint['id']}", lambda row: row["status"] != "pending")
    assert done["status"] == "completed", done
    redeem = traveller.post(
        "orders", terms | {"type": "redeem", "qty": "100", "client_order_id": "r-1"}
    )
    step = redeem["next_action"]
    node = ChainClient("anvil", [anvil.url], anvil.chain_id)
    key.send(node, to=step["contract"], data=bytes.fromhex(step["calldata"][2:]))
    done = traveller.wait(f"orders/{redeem['id']}", lambda row: row["status"] != "pending")
    assert done["status"] == "completed", done
    deliver(traveller, investor_id, "100")
    token = Token.objects.select_related("fund").get(fund=Fund.objects.get(symbol="IBIT"))
    supply = TokenReader(node, token.address).supply()
    held = custody_queries.position(token.fund_id)
    assert supply == held.backing == parse_quantity("500.25")
    assert (held.settled, held.free) == (parse_quantity("900"), parse_quantity("399.75"))
    time.sleep(2)  # the last look at the chain
    assert check_all() == []
