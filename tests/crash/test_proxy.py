"""The liar between workers and chain: one connection breaks for all that it carries, and no more."""

import asyncio
import json

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

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


async def batches(chance):
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
            for _ in range(ASKED // BATCH):
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
