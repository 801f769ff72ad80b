"""The sandbox custodian's HTTP side: advices and instructions in, files and attestations out."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web
from stdnum import isin as isin_number

from core.units import QuantityInvalid, parse_quantity
from custody.providers.custodian import Instruction
from custody.sandbox.book import Book, InstructionDiffers
from custody.sandbox.signing import Attestor, Figure

TICK_SECONDS = 0.2
BODY_BYTES_MAX = 20_000
# A contract refuses figures from its future, and a chain's clock may trail ours.
CLOCK_MARGIN_SECONDS = 2

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every handler works with."""

    book: Book
    attestor: Attestor
    secret: str
    delay_seconds: float


DESK = web.AppKey("desk", Desk)


def build(desk: Desk) -> web.Application:
    """The application, settling what is due by itself while it runs."""
    app = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[_guard])
    app[DESK] = desk
    app.add_routes(
        [
            web.get("/health", _health),
            web.post("/advices", _advise),
            web.post("/instructions", _instruct),
            web.get("/files", _files),
            web.post("/attestations", _attest),
        ]
    )
    app.cleanup_ctx.append(_settling)
    return app


async def _settling(app: web.Application) -> AsyncIterator[None]:
    async def settle_for_ever() -> None:
        while True:
            app[DESK].book.settle_due(now=time.time())
            await asyncio.sleep(TICK_SECONDS)

    task = asyncio.create_task(settle_for_ever())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path != "/health":
        expected = f"Bearer {request.app[DESK].secret}"
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), expected.encode()):
            return web.json_response({"error": "unauthenticated"}, status=401)
    try:
        return await handler(request)
    except (KeyError, TypeError, ValueError, QuantityInvalid, json.JSONDecodeError):
        return web.json_response({"error": "malformed"}, status=400)
    except InstructionDiffers:
        return web.json_response({"error": "reference_reused"}, status=409)


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"ok": True, "attestor": request.app[DESK].attestor.address})


async def _advise(request: web.Request) -> web.Response:
    return await _accept(request, outward=False)


async def _instruct(request: web.Request) -> web.Response:
    return await _accept(request, outward=True)


async def _accept(request: web.Request, *, outward: bool) -> web.Response:
    desk, body, now = request.app[DESK], await request.json(), time.time()
    instruction = Instruction(
        our_reference=str(body["our_reference"]),
        account=str(body["account"]),
        isin=isin_number.validate(body["isin"]),
        quantity=parse_quantity(body["quantity"]),
        participant=str(body["participant"]),
        destination=str(body["destination"]),
    )
    desk.book.accept(instruction, outward=outward, now=now, due_at=now + desk.delay_seconds)
    return web.json_response({"accepted": True})


async def _files(request: web.Request) -> web.Response:
    found = request.app[DESK].book.files(after=int(request.query.get("after", "0")))
    files = [{"sequence": sequence, "content": content} for sequence, content in found]
    return web.json_response({"files": files})


async def _attest(request: web.Request) -> web.Response:
    desk, body = request.app[DESK], await request.json()
    isin, contract, chain_id = str(body["isin"]), str(body["contract"]), int(body["chain_id"])
    vouched = desk.book.vouch(
        isin=isin,
        chain_id=chain_id,
        contract=contract,
        wanted=parse_quantity(body["shares"]),
        now=int(time.time()) - CLOCK_MARGIN_SECONDS,
    )
    if vouched is None:
        return web.json_response({"error": "too_soon"}, status=429)
    shares, as_of = vouched
    figure = Figure(
        isin=isin,
        token_name=str(body["token_name"]),
        chain_id=chain_id,
        contract=contract,
        shares=shares,
        held=desk.book.held(isin),
        as_of=as_of,
    )
    return web.json_response(desk.attestor.sign(figure))
