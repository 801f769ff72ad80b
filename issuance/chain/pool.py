"""Several nodes of one network, asked at once; what they say is handed on and judged elsewhere."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from issuance.chain.errors import ChainAnswerInvalid, ChainError, ChainUnreachable
from issuance.chain.refusals import is_failure
from issuance.chain.rpc import Answer, Call, RpcNode
from issuance.chain.scores import IN_FLIGHT_MAX, NodeHealth, Score
from issuance.chain.transport import LIMITS

T = TypeVar("T")

# How long the slower nodes may still speak once enough have.
GRACE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Reply:
    """What one node said to a list of questions, each in its place."""

    label: str
    answers: list[Answer]


class NodePool:
    """The nodes of one network. A quorum is more than half of those that are configured."""

    def __init__(self, network: str, urls: Sequence[str], chain_id: int) -> None:
        self.network, self.chain_id = network, chain_id
        self._nodes = [
            RpcNode(url, label=f"{network}[{index}]", chain_id=chain_id)
            for index, url in enumerate(urls)
        ]
        self._scores = {node.label: Score(node.label) for node in self._nodes}
        self._threads: ThreadPoolExecutor | None = None
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def quorum(self) -> int:
        """How many nodes must say the same."""
        return len(self._nodes) // 2 + 1

    def alone(self, calls: Sequence[Call]) -> list[Answer]:
        """Ask the one node there is, in the caller's own thread. Raises ChainError."""
        reply = self._ask(self._nodes[0], calls)
        if calls and all(answer.error is not None for answer in reply.answers):
            # Nothing came back: one error says it.
            reply.answers[0].read()
        return reply.answers

    def each(
        self,
        calls: Sequence[Call],
        *,
        decide: Callable[[list[Reply]], T | None],
        patient: bool = False,
    ) -> tuple[T | None, list[Reply]]:
        """Ask every node in good standing; stop at the first decision, None when there is none.

        ``patient`` gives the others a moment after the decision, and decides anew with their word.
        """
        if len(self._nodes) == 1:
            replies = [self._ask(self._nodes[0], calls)]
            return decide(replies), replies
        return self._gather(self._standing(), calls, decide=decide, patient=patient)

    def everyone(self, calls: Sequence[Call], *, enough: Callable[[Reply], bool]) -> list[Reply]:
        """Ask every node, also those put aside; after one reply that is enough, a moment's grace.

        A node whose answer is still out by then is left to it: its reply says so.
        """
        if len(self._nodes) == 1:
            return [self._ask(self._nodes[0], calls)]
        idle = [node for node in self._nodes if self._score(node).in_flight < IN_FLIGHT_MAX]
        _, replies = self._gather(
            idle,
            calls,
            decide=lambda said: any(enough(each) for each in said) or None,
            patient=True,
        )
        heard = {reply.label for reply in replies}
        silent = [node.label for node in self._nodes if node.label not in heard]
        return replies + [Reply(label, _failed(calls, _still_out(label))) for label in silent]

    def note_heads(self, heads: dict[str, int]) -> None:
        """Keep the newest block each node has spoken of."""
        for label, number in heads.items():
            self._scores[label].head = number

    def health(self) -> list[NodeHealth]:
        """Each node as this process has found it."""
        best = self._best_head()
        return [self._score(node).health(best) for node in self._nodes]

    def _gather(
        self,
        nodes: Sequence[RpcNode],
        calls: Sequence[Call],
        *,
        decide: Callable[[list[Reply]], T | None],
        patient: bool,
    ) -> tuple[T | None, list[Reply]]:
        waiting: set[Future[Reply]] = {
            self._executor().submit(self._ask, node, calls) for node in nodes
        }
        replies: list[Reply] = []
        decision: T | None = None
        until = monotonic() + LIMITS.answer_seconds
        while waiting and (left := until - monotonic()) > 0:
            done, waiting = wait(waiting, timeout=left, return_when=FIRST_COMPLETED)
            replies += [future.result() for future in done]
            first = decision is None
            decision = decide(replies)
            if decision is not None and not patient:
                break
            if decision is not None and first:
                until = min(until, monotonic() + GRACE_SECONDS)
        return decision, replies

    def _ask(self, node: RpcNode, calls: Sequence[Call]) -> Reply:
        """Never raises: a node that cannot be asked or read gives its error in every place."""
        score = self._score(node)
        since = score.start()
        failure: ChainError | None = ChainUnreachable(f"{node.label}: no answer")
        try:
            answers = node.batch(calls)
            failure = next((each.error for each in answers if is_failure(each.error)), None)
        except ChainError as error:
            failure = error
            answers = _failed(calls, error)
        except Exception as error:  # noqa: BLE001 - what one node says must not silence the others
            failure = ChainAnswerInvalid(f"{node.label}: {type(error).__name__}")
            answers = _failed(calls, failure)
        finally:
            score.finish(since, failure)
        return Reply(node.label, answers)

    def _standing(self) -> list[RpcNode]:
        """The nodes to ask, best first; those put aside only where a quorum needs them."""
        best = self._best_head()
        ranked = sorted(self._nodes, key=lambda node: self._score(node).rank(best))
        good = [node for node in ranked if not self._score(node).is_aside()]
        return good if len(good) >= self.quorum else ranked

    def _score(self, node: RpcNode) -> Score:
        return self._scores[node.label]

    def _best_head(self) -> int:
        return max(score.head for score in self._scores.values())

    def _executor(self) -> ThreadPoolExecutor:
        if self._threads is None or self._process != os.getpid():
            # Threads do not survive a fork.
            self._process = os.getpid()
            # Room for every node to be slow at once without holding up the others.
            most = len(self._nodes) * (IN_FLIGHT_MAX + 1)
            self._threads = ThreadPoolExecutor(most, thread_name_prefix=f"rpc-{self.network}")
        return self._threads


def _failed(calls: Sequence[Call], error: ChainError) -> list[Answer]:
    return [Answer(error=error)] * len(calls)


def _still_out(label: str) -> ChainError:
    return ChainUnreachable(f"{label}: slow")
