"""What several nodes establish together: pure judgement of their replies, None while it is open."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from issuance.chain.errors import CallReverted, ChainError, NoQuorum
from issuance.chain.pool import Reply

T = TypeVar("T", bound=Hashable)


class Agreed(Generic[T]):
    """A value that enough nodes gave, which may be None; or a contract's refusal."""

    def __init__(self, value: T | CallReverted) -> None:
        self._value = value

    def read(self) -> T:
        """The value. Raises CallReverted when the nodes agree on that."""
        if isinstance(self._value, CallReverted):
            raise self._value
        return self._value

    def read_refusal(self) -> CallReverted | None:
        """The contract's refusal, if that is what was agreed."""
        return self._value if isinstance(self._value, CallReverted) else None


def agreement(
    replies: Sequence[Reply], *, read: Callable[[Reply], T], need: int
) -> Agreed[T] | None:
    """The value that ``need`` nodes gave. A reply that cannot be read counts for nothing.

    ``read`` raises ChainError for such a reply. A contract's refusal is a value like any other.
    """
    said: Counter[T] = Counter()
    refused: Counter[tuple[str, bytes]] = Counter()
    for reply in replies:
        try:
            said[read(reply)] += 1
        except CallReverted as refusal:
            refused[refusal.name, refusal.data] += 1
            if refused[refusal.name, refusal.data] >= need:
                return Agreed(refusal)
        except ChainError:
            continue
    return next((Agreed(value) for value, count in said.items() if count >= need), None)


def no_quorum(what: str, replies: Sequence[Reply], need: int) -> ChainError:
    """Why nothing was agreed: the nodes' own error when they all failed alike, else NoQuorum."""
    errors = [error for reply in replies if (error := _first_error(reply))]
    kinds = {type(error) for error in errors}
    if len(errors) == len(replies) and len(kinds) == 1:
        return errors[0]
    heard = ", ".join(
        f"{reply.label} {error.code if (error := _first_error(reply)) else 'answered'}"
        for reply in replies
    )
    return NoQuorum(f"{what}: {need} nodes must say the same; {heard or 'nobody answered'}")


def _first_error(reply: Reply) -> ChainError | None:
    return next((answer.error for answer in reply.answers if answer.error is not None), None)
