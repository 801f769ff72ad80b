"""The liar between workers and chain: one connection breaks for all that it carries, and no more."""

import asyncio
import json

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

from crash import proxy as liar
from crash.faults import OF_THE_CARRIER, Fault
from crash.proxy import Proxy, application

SEED = 3
BATCH = 50
ASKED = 200


async def a_node(request):
    asked = await request.json()
    if isinstance(asked, list):
        return web.json_response([answer_to(call) for call in asked])
    return web.json_response(answer_to(asked))


def answer_to(call):
    return {"jsonrpc": "2.0", "id": call["id"], "result": "0x1"}


async def batches(chance, asked=ASKED):
    """How many of the batches come back whole, and what befell the questions."""
    node = web.Application()
    node.router.add_post("/", a_node)
    async with TestServer(node) as upstream:
        proxy = Proxy(str(upstream.make_url("/")), "", SEED)
        proxy.chance = chance
        calls = [
            {"jsonrpc": "2.0", "id": n, "method": "eth_call", "params": []} for n in range(BATCH)
        ]
        whole = 0
        async with TestClient(TestServer(application(proxy))) as client:
            for _ in range(asked // BATCH):
                whole += await is_whole(client, calls)
    return whole, proxy.counts


async def is_whole(client, calls):
    try:
        answer = await client.post("/0", data=json.dumps(calls))
        return len(json.loads(await answer.text())) == BATCH
    except (ClientError, ValueError, TypeError):
        return False


@pytest.mark.parametrize("chance", [0.0, 1.0], ids=["honest", "always"])
def test_a_batch_breaks_as_a_whole_or_not_at_all(chance):
    whole, counts = asyncio.run(batches(chance))
    broken = sum(counts[fault] for fault in OF_THE_CARRIER)
    assert whole + broken == ASKED // BATCH
    assert (broken > 0) == (chance > 0)


def test_a_batch_of_many_questions_breaks_no_more_often_than_one_question():
    whole, counts = asyncio.run(batches(0.03))
    # At three in a hundred for each question, fifty of them would break four times out of five.
    assert whole >= ASKED // BATCH - 1
    assert set(counts) <= {*OF_THE_CARRIER, Fault.DELAY}


A_BLOCK = {"number": hex(500)}


async def blocks_asked(tag, fault, monkeypatch):
    """Which blocks the node was asked for when this fault befell the question, and the counts."""
    asked = []

    async def node(request):
        call = await request.json()
        asked.append(call["params"][0])
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": A_BLOCK})

    monkeypatch.setattr(liar, "choose", lambda *_, **__: fault)
    upstream = web.Application()
    upstream.router.add_post("/", node)
    async with TestServer(upstream) as server:
        proxy = Proxy(str(server.make_url("/")), "", SEED)
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [tag, False]}
        async with TestClient(TestServer(application(proxy))) as client:
            answer = await (await client.post("/0", json=call)).json()
    assert answer["result"] == A_BLOCK
    return asked, +proxy.counts


@pytest.mark.parametrize("fault", [Fault.STALE_HEAD, Fault.STALLED_FINALITY], ids=str)
def test_a_block_asked_for_by_its_number_is_the_truth_and_counts_for_nothing(fault, monkeypatch):
    assert asyncio.run(blocks_asked(hex(500), fault, monkeypatch)) == ([hex(500)], {})


@pytest.mark.parametrize("fault", [Fault.STALE_HEAD, Fault.STALLED_FINALITY], ids=str)
def test_an_older_block_for_the_newest_is_a_lie_and_counts(fault, monkeypatch):
    asked, counts = asyncio.run(blocks_asked("latest", fault, monkeypatch))
    assert counts == {fault: 1}
    assert asked[0] == "latest"
    assert int(asked[1], 16) < 500


@pytest.mark.parametrize("carrier", sorted(OF_THE_CARRIER), ids=str)
def test_no_lie_is_counted_in_a_batch_whose_answer_nobody_gets(carrier, monkeypatch):
    fates = [carrier, *[Fault.FALSE_UNDERPRICED] * BATCH]
    monkeypatch.setattr(liar, "choose", lambda *_, **__: fates.pop(0))
    whole, counts = asyncio.run(batches(1.0, asked=BATCH))
    assert (whole, +counts) == (0, {carrier: 1})
