"""One node: JSON-RPC requests, alone or many in one, and the closed set of errors; nothing is retried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint

from issuance.chain.errors import (
    ChainAnswerInvalid,
    ChainError,
    ChainMismatch,
    RpcRefused,
)
from issuance.chain.refusals import refusal
from issuance.chain.transport import Transport

BATCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a node."""

    method: str
    parameters: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node said to one question: a value, or why there is none."""

    value: Any = None
    error: ChainError | None = None

    def read(self) -> Any:  # noqa: ANN401 - as the node answers
        """The value. Raises the error that stands in its place."""
        if self.error is not None:
            raise self.error
        return self.value


class RpcNode:
    """One endpoint. Its address may hold an access key, so no error or repr shows it."""

    def __init__(self, url: str, *, label: str, chain_id: int) -> None:
        self.label = label
        self._chain_id = chain_id
        self._checked = False
        self._takes_batches = True
        self._transport = Transport(url, label=label)

    def __repr__(self) -> str:
        return f"RpcNode({self.label})"

    def request(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - as the node answers
        """One request to a node that is known to serve our chain.

        Raises ChainMismatch, ChainUnreachable, ChainAnswerInvalid, CallReverted or RpcRefused.
        """
        self._check_chain()
        return self._single(Call(method, parameters)).read()

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Many questions in one HTTP request each hundred; answers in the order of the questions.

        What a node leaves out is asked again alone, and stays an error when it is left out again:
        it is unknown, never absent. Raises ChainMismatch or ChainUnreachable when the node cannot
        be asked at all.
        """
        self._check_chain()
        answers: list[Answer] = []
        rest = iter(calls)
        while part := list(islice(rest, BATCH_MAX)):
            answers += self._part(part)
        return answers

    def _part(self, calls: list[Call]) -> list[Answer]:
        by_id = self._many(calls) if len(calls) > 1 and self._takes_batches else {}
        answers = {number: _answer(each, self.label) for number, each in by_id.items()}
        missing = [number for number in range(len(calls)) if number not in answers]
        answers |= self._one_by_one({number: calls[number] for number in missing})
        return [answers[number] for number in range(len(calls))]

    def _one_by_one(self, calls: Mapping[int, Call]) -> dict[int, Answer]:
        """Ask alone; once the node fails altogether the others share its failure."""
        answers: dict[int, Answer] = {}
        failure: ChainError | None = None
        for number, call in calls.items():
            if failure is None:
                try:
                    answers[number] = self._single(call)
                except ChainError as error:
                    failure = error
            if failure is not None:
                answers[number] = Answer(error=failure)
        return answers

    def _many(self, calls: list[Call]) -> dict[int, Any]:
        """The usable entries of one batch by their number; empty when the node refuses batches."""
        try:
            answer = self._post(_batch_body(calls))
        except ChainAnswerInvalid:
            return {}
        if not isinstance(answer, list):
            # One object for all: it takes no batches, or has had enough for now.
            if isinstance(answer, dict) and isinstance(
                refused := _answer(answer, self.label).error, RpcRefused
            ):
                self._takes_batches = not _is_for_ever(refused)
            return {}
        by_id: dict[int, Any] = {}
        for entry in answer:
            number = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(number, int) and not isinstance(number, bool):
                # Two answers to one question answer nothing.
                by_id[number] = {} if number in by_id else entry
        return by_id

    def _single(self, call: Call) -> Answer:
        return _answer(self._post(_body(call)), self.label)

    def _check_chain(self) -> None:
        if self._checked:
            return
        answer = self._single(Call("eth_chainId")).read()
        if not _is_number(answer, self._chain_id):
            raise ChainMismatch(f"{self.label} serves {str(answer)[:40]}, not {self._chain_id}")
        self._checked = True

    def _post(self, body: bytes) -> Any:  # noqa: ANN401 - as the node answers
        try:
            answer = self._transport.post(body)
        except ChainError:
            self._checked = False  # another process may answer there next time
            raise
        try:
            return JSONBaseProvider.decode_rpc_response(answer)
        except (ValueError, RecursionError):
            raise ChainAnswerInvalid(f"{self.label}: not JSON") from None


def _body(call: Call) -> bytes:
    return JSONBaseProvider().encode_rpc_request(RPCEndpoint(call.method), call.parameters)


def _batch_body(calls: Sequence[Call]) -> bytes:
    """A provider of its own numbers its questions from nought, in the order of the calls."""
    questions = [(RPCEndpoint(call.method), call.parameters) for call in calls]
    return JSONBaseProvider().encode_batch_rpc_request(questions)


def _answer(response: object, label: str) -> Answer:
    if not isinstance(response, dict) or ("result" not in response and "error" not in response):
        return Answer(error=ChainAnswerInvalid(f"{label}: neither result nor error"))
    if response.get("error"):
        return Answer(error=refusal(response["error"]))
    if "result" not in response:
        return Answer(error=ChainAnswerInvalid(f"{label}: an empty error"))
    return Answer(response["result"])


def _is_number(answer: object, wanted: int) -> bool:
    try:
        return isinstance(answer, str) and int(answer, 16) == wanted
    except ValueError:
        return False


def _is_for_ever(refused: RpcRefused) -> bool:
    """Whether a node says that it never takes several questions at once."""
    return "batch" in refused.message.lower() or refused.rpc_code in {-32600, -32700}
