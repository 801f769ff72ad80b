"""The outside as the settings name it: what is not named cannot be asked, and stops nobody else."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from issuance.chain.errors import ChainUnreachable
from issuance.models import ChainTransaction
from issuance.pipeline import advance, check, follow, recover, world
from issuance.services import lanes
from tests.issuance import paper as papers
from tests.issuance.test_assignment import sign_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_network_taken_from_the_settings_is_waited_for_and_stops_no_sweep(settings):
    settings.CHAIN_RPC_URLS = {}
    row = sign_for(papers.build().order())
    outside = world.from_settings()
    with pytest.raises(ChainUnreachable):
        outside.chain_of(row.token)
    now = timezone.now() + lanes.HEAD_START
    assert advance.advance_due(world=outside, clock=lambda: now) == 1
    assert recover.recover_due(world=outside, now=now) == 0
    assert follow.follow_all(world=outside, now=now) == 0
    assert check.check_due(world=outside, now=now) == 0
    waiting = ChainTransaction.objects.get()
    assert (waiting.status, waiting.last_note) == (
        "ASSIGNED",
        "chain_unreachable: anvil is not configured",
    )


def test_the_doctor_goes_on_past_a_network_that_was_taken_from_the_settings(settings):
    settings.CHAIN_RPC_URLS = {}
    papers.build()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("chain", "doctor", "--json", stdout=out)
    (row,) = json.loads(out.getvalue())
    assert (row["code"], row["network"], row["weight"]) == ("network_unknown", "anvil", "stops")
    with pytest.raises(CommandError, match="network_unknown: nowhere"):
        call_command("chain", "doctor", "--network", "nowhere")
