"""SIGKILL while a call that no signer signs is cancelled: the order is minted once, by a later call."""

from issuance.models import ChainTransaction
from issuance.pipeline import sign
from tests.crash.killing import twice
from tests.crash.test_kills import AROUND_A_CANCEL, books_agree, one_mint, status
from tests.issuance.test_cancels import refusing

# After the call was refused the signature that a death interrupts is that of the form that cancels.
ON_THE_WAY_OF_A_CANCEL = [
    "cancel.precommit",
    "cancel.asked",
    "sign.signed",
    "sign.precommit",
    "sign.saved",
    "broadcast.sent",
    "cancel.settled",
]


def test_a_worker_killed_anywhere_around_a_cancel_leaves_one_mint(ready, killer, monkeypatch):
    assert set(AROUND_A_CANCEL) < set(ON_THE_WAY_OF_A_CANCEL)
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    sound = ready.world
    for points in twice(ON_THE_WAY_OF_A_CANCEL, lives=2):
        order = ready.order("1")
        known = set(ChainTransaction.objects.values_list("pk", flat=True))

        def done(known=known):
            mine = ChainTransaction.objects.exclude(pk__in=known).filter(kind="MINT")
            return mine.filter(status="DEAD").exists()

        ready.world = refusing(ready)
        killer.one_life(ready, done, at=points)
        ready.world = sound
        ready.until(lambda order=order: status(order) == "COMPLETED")
        assert one_mint(ready, order), points
        books_agree(ready)
