"""The events of each trial: what befalls the pipeline, and what the judge says of this bug alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crash.chaos import PAUSE_MINT
from crash.facts import FINALITY_BLOCKS
from crash.trials.trial import AFTER_A_LEASE, Trial
from crash.trials.wire import Lie
from issuance.chain.token import encode_pause
from issuance.pipeline import advance

SEND = "eth_sendRawTransaction"
TWICE = ("I1", "I1b")
COMPLETED, QUEUED = "COMPLETED", "QUEUED"


@dataclass(frozen=True, slots=True)
class Events:
    """What happens, and which findings of the judge name this bug, as ``hearing.shows`` reads them.

    They do so only when the mutant leaves its orders as ``leaves`` says, where that is not empty.
    """

    happen: Callable[[Trial], None]
    shows: tuple[str, ...]
    leaves: tuple[str, ...] = ()


def _f1(trial: Trial) -> None:
    """Every node takes the transaction, the answer of each is cut off, and their pools lose it
    again; from a pool elsewhere it comes back."""
    order = trial.order()
    trial.wire.tell(Lie(SEND, "garbled"))
    trial.turn()
    trial.wire.tell()
    trial.pool_forgets(order)
    trial.turn(3)
    trial.comes_back(order)


def _f2(trial: Trial) -> None:
    """No block comes, the offer is raised, and the worker dies before the dearer form is saved."""
    trial.order()
    trial.turn()
    trial.turn(passes=advance.BUMP_AFTER, dies_at="sign.precommit")
    trial.mine()
    trial.turn(passes=AFTER_A_LEASE)


def _f3(trial: Trial) -> None:
    """For some looks no block holds a mint, nor does a pool that we know of; then it comes back."""
    order = trial.order()
    trial.turn()
    trial.pool_forgets(order)
    trial.turn(5)
    trial.comes_back(order)


def _f4(trial: Trial) -> None:
    """Two mints, one after the other."""
    for _ in range(2):
        trial.order()
        trial.turn()
        trial.mine()


def _f5(trial: Trial) -> None:
    """The chain has executed a mint of which the database knows nothing any more."""
    trial.second_issuer()
    trial.order()
    trial.haunt()


def _f6(trial: Trial) -> None:
    """A worker stands still for longer than its lease between its claim and its numbering."""
    trial.order()
    with trial.held_up(at="assign.simulated"):
        trial.turn(passes=AFTER_A_LEASE)


def _f7(trial: Trial) -> None:
    """One order is rung for as usual; before another one is heard of, Redis loses everything."""
    trial.order()
    trial.turn()
    trial.mine()
    trial.order()
    trial.bell.flushdb()


def _f8(trial: Trial) -> None:
    """A mint is in a block and seen there; the block leaves the chain and the mint with it."""
    trial.order()
    trial.turn()
    trial.mine()
    trial.turn(3)
    trial.look()
    trial.chaos.reorganise(1, shape="drop")
    trial.look()


def _f9(trial: Trial) -> None:
    """Finality stands still as every node tells it; a mint gets one block above its own, then a
    reorganisation takes both."""
    stands_at = trial.anvil.block_number("finalized")
    trial.wire.tell(Lie("eth_getBlockByNumber", "older", first="finalized", value=stands_at))
    trial.mine(FINALITY_BLOCKS + 1)
    trial.order()
    trial.turn()
    trial.mine(2)
    trial.turn(3)
    trial.look()
    trial.chaos.reorganise(2, shape="drop")
    trial.look()
    trial.wire.tell()


def _f10(trial: Trial) -> None:
    """The pools have lost a mint that waits, and one node of three says that its nonce is used up."""
    order = trial.order()
    trial.turn()
    trial.pool_forgets(order)
    trial.wire.tell(Lie("eth_getTransactionCount", "ahead", endpoints=(0,)))
    trial.turn(5)
    trial.wire.tell()
    trial.comes_back(order)


def _f11(trial: Trial) -> None:
    """Minting is paused in the block of a mint, which reverts there; the block leaves the chain, and
    the mint comes back without the pause."""
    ghost = trial.second_issuer()
    order = trial.order()
    trial.turn()
    trial.send(ghost, encode_pause(PAUSE_MINT))
    trial.mine()
    trial.turn(3)
    trial.chaos.reorganise(1, shape="drop")
    trial.turn(3)
    trial.comes_back(order)


def _f12(trial: Trial) -> None:
    """Two orders go into one batch, and the chain has executed the second one already."""
    trial.second_issuer()
    trial.order()
    trial.order()
    trial.haunt()


def _f13(trial: Trial) -> None:
    """An ordinary mint."""
    trial.order()
    trial.turn()
    trial.mine()


def _f14(trial: Trial) -> None:
    """No block comes for longer than an impatient one waits; then the mint is mined after all."""
    trial.order()
    trial.turn(4)
    trial.mine()


TRIALS: Mapping[str, Events] = {
    "F1": Events(_f1, TWICE),
    "F2": Events(_f2, ("I7",)),
    "F3": Events(_f3, TWICE),
    "F4": Events(_f4, ("I6 nobody",)),
    "F5": Events(_f5, ("I2 QUEUED, though", "I5 above")),
    "F6": Events(_f6, TWICE),
    "F7": Events(_f7, ("I2 still QUEUED",), leaves=(COMPLETED, QUEUED)),
    "F8": Events(_f8, ("I4",)),
    "F9": Events(_f9, ("I4",)),
    "F10": Events(_f10, TWICE),
    "F11": Events(_f11, TWICE),
    "F12": Events(_f12, ("I2 REJECTED, with nothing",)),
    "F13": Events(_f13, ("I7",)),
    "F14": Events(_f14, ("I2 FAILED, though", "I5 above")),
}
