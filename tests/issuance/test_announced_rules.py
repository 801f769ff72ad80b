"""Announced changes at an issuer's own token: what was named is taken over, anything else halts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Breaker
from issuance import services
from issuance.chain.wallets import Wallet as Key
from issuance.models import Token, TokenLog
from tests.issuance import kept, trex_stage
from tests.issuance.stage import OPERATOR, secret

AGENT, STRANGER = Key(secret("new agent")).address, Key(secret("stranger")).address


@pytest.fixture
def ready(anvil, transactional_db) -> trex_stage.TRexStage:  # noqa: ARG001 - asked for its effect
    return kept.bring("T-REX", anvil, lambda: trex_stage.build(anvil).ready())


def announce(stage, *kinds):
    now = timezone.now()
    services.announce_change(
        token_id=stage.token.pk,
        kinds=kinds,
        reason="the issuer wrote so",
        until=now + timedelta(hours=1),
        actor=OPERATOR,
        now=now,
    )


def halts(stage):
    """What halts it after the follower has seen everything."""
    seen = TokenLog.objects.filter(kind="RULES_CHANGED").count()
    stage.until(lambda: TokenLog.objects.filter(kind="RULES_CHANGED").count() > seen)
    for _ in range(3):
        stage.tick(blocks=1)
    return [each.reason for each in Breaker.objects.filter(status="OPEN")]


def test_an_announced_agent_is_let_pass_and_no_other(ready):
    announce(ready, f"RULES_CHANGED:AgentAdded:{AGENT}")
    ready.suite.appoint(AGENT)
    assert halts(ready) == []
    ready.suite.appoint(STRANGER)
    (reason,) = halts(ready)
    assert "AgentAdded changed the token's rules, which nobody announced" in reason


def test_an_announced_compliance_is_taken_over_and_no_other(ready):
    wanted, other = (ready.suite.replacement_compliance() for _ in range(2))
    announce(ready, f"RULES_CHANGED:ComplianceAdded:{wanted}")
    ready.suite.call("setCompliance(address)", wanted)
    assert halts(ready) == []
    assert Token.objects.get().watched["compliance"] == wanted
    ready.suite.call("setCompliance(address)", other)
    assert halts(ready) != []
    assert Token.objects.get().watched["compliance"] == wanted
