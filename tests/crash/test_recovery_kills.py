"""SIGKILL at every step of a recovery: whoever comes next finishes it, and the lost mint is the only one."""

from datetime import timedelta

from issuance.models import NetworkGate, Recovery
from issuance.pipeline import advance
from issuance.states import OrderType
from tests.crash.killing import twice
from tests.crash.test_kills import AROUND_A_RECOVERY, books_agree, one_mint, status
from tests.issuance.stage import NETWORK
from tests.issuance.test_recovery import fail_over, gate, lost_mint


def test_a_worker_killed_anywhere_in_a_recovery_leaves_it_to_the_next(
    ready, killer, monkeypatch, settings
):
    """Each round: an order whose signed mint is lost and mined, a failover, kills."""
    monkeypatch.setattr(advance, "DEATH_AFTER", timedelta(0))
    settings.CHAIN_IN_FLIGHT_MAX = {NETWORK: 2}
    # Waits for its tokens all along, so that every recovery has somebody to ask about.
    ready.order("1", OrderType.REDEEM)
    for number, points in enumerate(twice(AROUND_A_RECOVERY, lives=2), start=1):
        order = ready.order("1")
        fail_over()
        ready.node.send(lost_mint(ready, order))

        def done(order=order, number=number):
            return (
                status(order) == "COMPLETED"
                and gate() == "OPERATING"
                and Recovery.objects.filter(status="DONE").count() == number
            )

        killer.one_life(ready, done, at=points)
        assert one_mint(ready, order), points
        books_agree(ready)
    assert NetworkGate.objects.get().status == "OPERATING"
