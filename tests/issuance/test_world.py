"""The outside as the settings name it: what is not named cannot be asked, and stops nobody else."""

import pytest
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
