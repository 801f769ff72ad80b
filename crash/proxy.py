"""A seeded JSON-RPC proxy between the workers and the chain that lies, loses and delays.

Run as ``python -m crash.proxy PORT UPSTREAM OTHER SEED``. Each path ``/0``, ``/1`` ... is an
endpoint of its own, as of another operator, before the same node; ``POST /split`` puts some of them
before the other node, which is on a fork, for some seconds. ``GET /counts`` says how often each
fault happened; ``POST /chance`` sets how often they do, ``POST /stall`` holds finality.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter, deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import rlp  # type: ignore[import-untyped]  # it ships no types
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from eth_account import Account

from crash.faults import (
    FALSE_REFUSALS,
    GAS_CAP,
    OF_THE_CARRIER,
    REPLACEMENT_PERCENT,
    Fault,
    choose,
)

UPSTREAM_SECONDS_MAX = 10
DELAY_SECONDS_MAX = 0.4
LAG_MAX = 3
STALL_BLOCKS = 12
STALL_SECONDS = 2.0
OFFERS_KEPT = 4_000
DELIVERED_ALL_THE_SAME = 0.5
_HTTP_STATUSES = {Fault.HTTP_429: 429, Fault.HTTP_500: 500}
_OF_A_TAG = (Fault.STALE_HEAD, Fault.STALLED_FINALITY)
_STANDS_STILL = "finality stands still"
_COMMON_HEADERS = {"Content-Type": "application/json"}
# The node behind the endpoint that the request of this task came to.
_node: ContextVar[str] = ContextVar("node")


@dataclass(frozen=True, slots=True)
class _Offer:
    """A transaction as a pool sees it."""

    raw: str
    lane: tuple[str, int]
    tip: int
    fee: int
    gas: int

    def replaces(self, held: "_Offer") -> bool:
        """Whether both fees are a tenth above."""
        dearer = self.tip * 100 >= held.tip * REPLACEMENT_PERCENT
        return dearer and self.fee * 100 >= held.fee * REPLACEMENT_PERCENT

    def is_above(self, held: "_Offer") -> bool:
        """A dearer offer, if not by enough; an earlier one sent again is no event."""
        return self.tip >= held.tip and self.fee >= held.fee


def _offer(raw: str) -> _Offer:
    data = bytes.fromhex(raw[2:])
    fields = rlp.decode(data[1:])
    nonce, tip, fee, gas = (int.from_bytes(fields[index]) for index in (1, 2, 3, 4))
    return _Offer(raw, (Account.recover_transaction(data), nonce), tip, fee, gas)


class Proxy:
    """One node, and at times another on a fork, behind a liar with a seed."""

    def __init__(self, upstream: str, other: str, seed: int) -> None:
        self._upstream = upstream
        self._other = other
        self._apart: frozenset[int] = frozenset()
        self._apart_until = 0.0
        self._dice = random.Random(seed)  # noqa: S311 - faults must be repeatable, not secret
        self._session: ClientSession | None = None
        self._held: dict[tuple[str, int], _Offer] = {}
        self._order: deque[tuple[str, int]] = deque()
        self._stalled_at = 0
        self._stalled_until = 0.0
        self.chance = 0.0
        self.counts: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, truly or not."""
        endpoint = int(request.match_info["endpoint"])
        is_apart = endpoint in self._apart and time.monotonic() < self._apart_until
        _node.set(self._other if is_apart else self._upstream)
        call = json.loads(await request.read())
        if isinstance(call, list):
            return await self._batch(request, call)
        return await self._meet(self._fate(call), request, call)

    async def _batch(self, request: web.Request, calls: list[dict[str, Any]]) -> web.StreamResponse:
        """One connection carries them all and breaks for all; each question has its own liar."""
        fault = choose(calls[0]["method"], chance=self.chance, dice=self._dice)
        if fault not in OF_THE_CARRIER:
            fault = None
        if fault is not None:
            self.counts[fault] += 1
        if fault in _HTTP_STATUSES:
            return web.Response(status=_HTTP_STATUSES[fault], text="no")
        entries = []
        if fault is not Fault.DROP_BEFORE:
            entries = await self._entries(request, calls, is_heard=fault is None)
        if fault is None:
            return web.json_response(entries)
        return _break_off(fault, request, json.dumps(entries).encode())

    async def _entries(
        self, request: web.Request, calls: list[dict[str, Any]], *, is_heard: bool
    ) -> list[Any]:
        """The answers to a batch: what meets no fate of its own goes on as the batch it came in.

        Whom nobody hears does not lie; what a real node refuses is refused all the same.
        """
        entries, untouched = [], []
        for call in calls:
            fate = self._fate(call)
            is_lie = isinstance(fate, Fault) or fate == _STANDS_STILL
            if fate in OF_THE_CARRIER or fate is None or (is_lie and not is_heard):
                untouched.append(call)
                continue
            answer = await self._meet(fate, request, call)
            text = answer.body if isinstance(answer, web.Response) else b""
            entries.append(json.loads(text) if isinstance(text, bytes) and text else None)
        if untouched:
            said = await self._ask(json.dumps(untouched).encode())
            entries += json.loads(said) if said else [None] * len(untouched)
        return entries

    def _fate(self, call: dict[str, Any]) -> Fault | str | None:
        """What befalls this question: a fault, a refusal in a real node's words, or nothing."""
        method, parameters = call["method"], call.get("params") or []
        refusal = self._rule(method, parameters)
        if refusal is not None:
            return refusal
        if self._is_stalled(method, parameters):
            return _STANDS_STILL
        return choose(method, chance=self.chance, dice=self._dice)

    async def _meet(
        self, fate: Fault | str | None, request: web.Request, call: dict[str, Any]
    ) -> web.StreamResponse:
        """Let it happen."""
        if fate is None:
            return await self._forward(json.dumps(call).encode())
        if fate == _STANDS_STILL:
            self.counts[Fault.STALLED_FINALITY] += 1
            return await self._older(call, self._stalled_at)
        if isinstance(fate, Fault):
            return await self._commit(fate, request, call)
        return _error(call, fate)

    async def _commit(
        self, fault: Fault, request: web.Request, call: dict[str, Any]
    ) -> web.StreamResponse:
        """Let the fault happen and count it."""
        if fault in _OF_A_TAG:
            return await self._old_block(fault, call)
        self.counts[fault] += 1
        body = json.dumps(call).encode()
        if fault in FALSE_REFUSALS:
            if self._dice.random() < DELIVERED_ALL_THE_SAME:
                await self._ask(body)
            return _error(call, FALSE_REFUSALS[fault])
        if fault in _HTTP_STATUSES:
            return web.Response(status=_HTTP_STATUSES[fault], text="no")
        if fault in OF_THE_CARRIER:
            answer = b"" if fault is Fault.DROP_BEFORE else await self._ask(body)
            return _break_off(fault, request, answer)
        if fault is Fault.DUPLICATE:
            await self._ask(body)
        elif fault is Fault.DELAY:
            await asyncio.sleep(self._dice.uniform(0.02, DELAY_SECONDS_MAX))
        else:
            return await self._lie(fault, call)
        return await self._forward(body)

    async def _lie(self, fault: Fault, call: dict[str, Any]) -> web.StreamResponse:
        """A well-formed answer that is wrong."""
        if fault is Fault.NULL_RECEIPT:
            return _result(call, None)
        if fault is Fault.WRONG_CHAIN_ID:
            return _result(call, "0x1")
        answer = json.loads(await self._ask(json.dumps(call).encode()))
        if isinstance(answer.get("result"), str):
            lagging = max(int(answer["result"], 16) - self._dice.randint(1, LAG_MAX), 0)
            answer["result"] = hex(lagging)
        return web.json_response(answer)

    async def _old_block(self, fault: Fault, call: dict[str, Any]) -> web.StreamResponse:
        """A block from a while ago for the newest or the final one; the truth where none is due."""
        tag = call["params"][0]
        truth = json.loads(await self._ask(json.dumps(call).encode()))
        block = truth.get("result")
        # A block that is asked for by its number is never an older one: that would be no lie.
        if tag not in ("latest", "finalized") or block is None:
            return web.json_response(truth)
        self.counts[fault] += 1
        back = self._dice.randint(1, LAG_MAX) if fault is Fault.STALE_HEAD else STALL_BLOCKS
        number = max(int(block["number"], 16) - back, 0)
        if fault is Fault.STALLED_FINALITY and tag == "finalized":
            self._stalled_at = number
            self._stalled_until = time.monotonic() + STALL_SECONDS
        return await self._older(call, number)

    async def stall(self, seconds: float) -> None:
        """From now on the finalized block stays where it is for so long, and a little behind."""
        _node.set(self._upstream)
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber"} | {
            "params": ["finalized", False]
        }
        block = json.loads(await self._ask(json.dumps(call).encode()))["result"]
        self._stalled_at = max(int(block["number"], 16) - STALL_BLOCKS, 0)
        self._stalled_until = time.monotonic() + seconds

    def split(self, endpoints: list[int], seconds: float) -> None:
        """For so long these endpoints are on the other node's side of a divided network."""
        self._apart, self._apart_until = frozenset(endpoints), time.monotonic() + seconds

    def _is_stalled(self, method: str, parameters: list[Any]) -> bool:
        """Once finality stalls it does so for everybody and for a while."""
        asked = method == "eth_getBlockByNumber" and parameters[0] == "finalized"
        return asked and self.chance > 0 and time.monotonic() < self._stalled_until

    async def _older(self, call: dict[str, Any], number: int) -> web.StreamResponse:
        older = dict(call, params=[hex(number), *call["params"][1:]])
        return await self._forward(json.dumps(older).encode())

    def _rule(self, method: str, parameters: list[Any]) -> str | None:
        """What a real node refuses and anvil does not."""
        if method != "eth_sendRawTransaction" or self.chance == 0 or _node.get() == self._other:
            return None
        offer = _offer(parameters[0])
        if offer.gas > GAS_CAP:
            self.counts[Fault.GAS_CAP_RULE] += 1
            return "transaction gas limit too high"
        held = self._held.get(offer.lane)
        if held is None or held.raw == offer.raw or offer.replaces(held):
            return None
        if offer.is_above(held):
            self.counts[Fault.REPLACEMENT_RULE] += 1
        return FALSE_REFUSALS[Fault.FALSE_UNDERPRICED]

    def _remember_all(self, asked: Any, text: bytes) -> None:  # noqa: ANN401 - one call or several
        """What the node took is in its pool, until it is mined or the pool is emptied."""
        calls = asked if isinstance(asked, list) else [asked]
        answers = json.loads(text)
        taken = {
            each["id"]
            for each in (answers if isinstance(answers, list) else [answers])
            if "result" in each
        }
        for call in calls:
            if call["method"] == "eth_sendRawTransaction" and call["id"] in taken:
                self._remember(_offer(call["params"][0]))

    def _remember(self, offer: _Offer) -> None:
        if offer.lane not in self._held:
            self._order.append(offer.lane)
        self._held[offer.lane] = offer
        while len(self._order) > OFFERS_KEPT:
            self._held.pop(self._order.popleft(), None)

    async def close(self) -> None:
        """End the connections to the nodes."""
        if self._session is not None:
            await self._session.close()

    def forget_prices(self) -> None:
        """A reorganisation or a drop emptied the pool: nothing is being replaced any more."""
        self._held.clear()
        self._order.clear()

    async def _forward(self, body: bytes) -> web.StreamResponse:
        return web.Response(body=await self._ask(body), headers=_COMMON_HEADERS)

    async def _ask(self, body: bytes) -> bytes:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=UPSTREAM_SECONDS_MAX))
        try:
            async with self._session.post(
                _node.get(), data=body, headers=_COMMON_HEADERS
            ) as answer:
                text = await answer.read()
        except (ClientError, TimeoutError):
            return b""
        if b"eth_sendRawTransaction" in body and _node.get() == self._upstream:
            self._remember_all(json.loads(body), text)
        return text


def _break_off(fault: Fault, request: web.Request, answer: bytes) -> web.Response:
    """The connection or the answer ends too early; the node may have acted all the same."""
    if fault is Fault.TRUNCATED:
        return web.Response(body=answer[: len(answer) // 2], headers=_COMMON_HEADERS)
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=502)


def _result(call: dict[str, Any], result: object) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": call.get("id"), "result": result})


def _error(call: dict[str, Any], message: str) -> web.Response:
    error = {"code": -32000, "message": message}
    return web.json_response({"jsonrpc": "2.0", "id": call.get("id"), "error": error})


def application(proxy: Proxy) -> web.Application:
    """The proxy's endpoints and its own questions."""

    async def counts(_: web.Request) -> web.Response:
        return web.json_response(dict(proxy.counts))

    async def chance(request: web.Request) -> web.Response:
        proxy.chance = float(await request.text())
        return web.json_response(proxy.chance)

    async def stall(request: web.Request) -> web.Response:
        await proxy.stall(float(await request.text()))
        return web.json_response(None)

    async def split(request: web.Request) -> web.Response:
        wanted = await request.json()
        proxy.split(wanted["endpoints"], wanted["seconds"])
        return web.json_response(None)

    async def forget(_: web.Request) -> web.Response:
        proxy.forget_prices()
        return web.json_response(None)

    async def close(_: web.Application) -> None:
        await proxy.close()

    app = web.Application()
    app.on_cleanup.append(close)
    app.router.add_get("/counts", counts)
    app.router.add_post("/chance", chance)
    app.router.add_post("/forget", forget)
    app.router.add_post("/stall", stall)
    app.router.add_post("/split", split)
    app.router.add_post(r"/{endpoint:\d+}", proxy.handle)
    return app


def main(port: int, upstream: str, other: str, seed: int) -> None:
    """Serve until killed."""
    proxy = Proxy(upstream, other, seed)
    web.run_app(application(proxy), host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
