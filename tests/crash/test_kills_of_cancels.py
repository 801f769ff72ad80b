"""SIGKILL while a call that no signer signs is cancelled: the order is minted once, by a later call."""

from issuance.models import ChainTransaction
from issuance.pipeline import sign
from tests.crash.test_kills import AROUND_A_CANCEL, books_agree, kill_and_restart, one_mint, status
from tests.issuance.test_cancels import refusing

# After the call was refused: the signature that these interrupt is that of the form that cancels.
OF_THE_EMPTY_FORM = ["sign.signed", "sign.precommit", "sign.saved", "broadcast.sent"]


def test_a_worker_killed_anywhere_around_a_cancel_leaves_one_mint(ready, monkeypatch):
    monkeypatch.setattr(sign, "PATIENCE", sign.PATIENCE * 0)
    sound = ready.world
    for point in [*AROUND_A_CANCEL, *OF_THE_EMPTY_FORM]:
        order = ready.order("1")
        known = set(ChainTransaction.objects.values_list("pk", flat=True))

        def done(known=known):
            mine = ChainTransaction.objects.exclude(pk__in=known).filter(kind="MINT")
            return mine.filter(status="DEAD").exists()

        ready.world = refusing(ready)
        kill_and_restart(ready, done, at=point)
        ready.world = sound
        ready.until(lambda order=order: status(order) == "COMPLETED")
        assert one_mint(ready, order), point
        books_agree(ready)
