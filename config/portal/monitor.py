"""The chain monitor: each network's blocks, nodes, lanes, prices, reorganisations and recoveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from config.portal import breakers as breaker_page
from config.portal.reasons import transaction_reason
from core import portal
from core.models import Breaker
from core.portal import Cell, Fact, Panel, age
from core.states import BreakerStatus
from issuance import queries
from issuance.models import (
    BlockHead,
    ChainTransaction,
    GasAccount,
    NetworkGate,
    NetworkLook,
    NodeScore,
    Recovery,
    Reorg,
    Signer,
    Token,
    Trouble,
)
from issuance.states import CHAIN_TRANSACTION_FINAL, NetworkStatus

ROWS_SHOWN_MAX = 20
WEI_PER_COIN = 10**18
WEI_PER_GWEI = 10**9
COIN_STEPS = 10**6
PERCENT = 100
NODE_TONES = {"ok": "success", "aside": "warning", "wrong_chain": "danger"}


def is_visible(request: HttpRequest) -> bool:
    """Whether the person may see chain transactions, and so this page."""
    return bool(admin.site.get_model_admin(ChainTransaction).has_view_permission(request))


def context(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The page of the network asked for, the first one by name otherwise."""
    names = _networks()
    asked = request.GET.get("network", "")
    shown = asked if asked in names else (names[0] if names else "")
    base = reverse("admin:chains")
    return {
        "title": "Chain monitor",
        "intro": "What the chain workers last saw and stored; no node is asked while this page is"
        " drawn. manage.py chain doctor asks them and says what to do.",
        "buttons": [
            {
                "label": name,
                "href": f"{base}?network={name}",
                "style": "primary" if name == shown else "plain",
            }
            for name in names
        ]
        if len(names) > 1
        else [],
        "panels": _panels(shown, now) if shown else [],
        "nothing": "No network is in service",
        "nothing_note": "deploy_token or attach_token puts the first one here.",
    }


def _networks() -> list[str]:
    tokens = Token.objects.values_list("network", flat=True)
    return sorted({*tokens, *Signer.objects.values_list("network", flat=True)})


def _panels(network: str, now: datetime) -> list[Panel]:
    head = BlockHead.objects.filter(network=network).order_by("-number").first()
    return [
        _state(network, head, now),
        _breakers(network),
        _troubles(network, now),
        _nodes(network, now),
        _lanes(network, now),
        _unfinished(network, head, now),
        _reorgs(network),
        _recoveries(network),
    ]


def _state(network: str, head: BlockHead | None, now: datetime) -> Panel:
    look = NetworkLook.objects.filter(network=network).first()
    gate = NetworkGate.objects.filter(network=network).first()
    facts = [
        Fact("Head", _block(head.number if head else None, head.block_time if head else None, now))
    ]
    if look is not None:
        lag = head.number - look.finalized if head and look.finalized is not None else None
        facts += [
            Fact("Finalized", _block(look.finalized, look.finalized_at, now)),
            Fact("Finality lag", portal.text(f"{lag} blocks" if lag is not None else "")),
            Fact("State", _alarm(look)),
            Fact("Gas of the last 24 h, in coins", _coins(int(look.gas_spent_wei))),
            Fact("Clock against ours", _skew(look)),
            Fact("Looked at", portal.text(f"{age(now - look.seen_at)} ago")),
        ]
    if gate is not None:
        calm = gate.status == NetworkStatus.OPERATING
        tone = "success" if calm else "danger"
        facts.append(Fact("Recovery", Cell("None needed" if calm else "Recovering", tone=tone)))
    return Panel(
        title=network,
        facts=facts,
        note="" if look else "The watch has not reported yet: is the chain worker running?",
    )


def _alarm(look: NetworkLook) -> Cell:
    if not look.alarm:
        return Cell("Calm", tone="success")
    tone = "danger" if look.waits else "warning"
    waits = "Nothing new is numbered. " if look.waits else ""
    return Cell(portal.words(look.alarm), tone=tone, note=f"{waits}{look.note}")


def _skew(look: NetworkLook) -> Cell:
    seconds = look.clock_skew_seconds
    return portal.text("" if seconds is None else f"{seconds:+d} s")


def _breakers(network: str) -> Panel:
    names = {queries.network_breaker(network)}
    for token in queries.tokens().filter(network=network):
        names |= {*queries.breaker_names(token=token)}
    opened = Breaker.objects.filter(name__in=names, status=BreakerStatus.OPEN)
    return Panel(
        title="Open breakers",
        columns=("Breaker", "It stops", "Reason", "Opened"),
        rows=[
            (
                portal.link(each.name, portal.page_url(each)),
                portal.text(breaker_page.stops(each.name)),
                portal.text(each.reason),
                portal.time(each.opened_at),
            )
            for each in opened.order_by("opened_at")
        ],
        empty="None. New work on this network is let through.",
    )


def _troubles(network: str, now: datetime) -> Panel:
    return Panel(
        title="Work that fails",
        note="It is tried again by itself, and all other work goes on. manage.py chain doctor says"
        " what waits for it and what to do.",
        columns=("Work", "Concerns", "Reason", "Times", "Since", "Last"),
        rows=[
            (
                portal.text(portal.words(each.work)),
                portal.text(each.subject or ("All of it" if each.network else "Every network")),
                Cell(
                    portal.words(each.code),
                    tone="danger" if each.ours else "warning",
                    note=each.note,
                ),
                Cell(f"{each.times:,}", number=True),
                portal.time(each.since),
                portal.text(f"{age(now - each.seen_at)} ago"),
            )
            for each in Trouble.now_on(network=network, now=now)
        ],
        empty="None. Whatever was due could be done.",
    )


def _nodes(network: str, now: datetime) -> Panel:
    return Panel(
        title="Nodes",
        note="As a worker last found each one. More than half must agree before anything counts.",
        columns=("Node", "State", "Head", "Behind", "Errors", "Answers in", "Last error", "Seen"),
        rows=[
            (
                portal.text(each.label),
                Cell(portal.words(each.state), tone=NODE_TONES.get(each.state, "neutral")),
                Cell(f"{each.head:,}", number=True),
                Cell(f"{each.lag_blocks:,}", number=True),
                Cell(f"{each.error_rate * PERCENT:.0f} %", number=True),
                Cell(f"{each.latency_ms} ms", number=True),
                portal.text(portal.words(each.last_error)),
                portal.text(f"{age(now - each.seen_at)} ago"),
            )
            for each in NodeScore.objects.filter(network=network).order_by("label")
        ],
        empty="No worker has reported on a node of this network yet.",
    )


def _lanes(network: str, now: datetime) -> Panel:
    signers = Signer.objects.filter(network=network).order_by("role", "address")
    return Panel(
        title="Lanes",
        note="One key, one row of nonces. The oldest unfinished nonce holds up the ones after it.",
        columns=(
            "Key",
            "State",
            "Next nonce",
            "In flight",
            "Oldest unfinished",
            "Gas account, in coins",
        ),
        rows=[_lane_row(each, now) for each in signers],
        empty="No key is registered. Run manage.py create_signers for this network.",
    )


def _lane_row(signer: Signer, now: datetime) -> Sequence[Cell]:
    waiting = queries.unfinished(signer=signer)
    oldest = waiting.first()
    since = (
        f"{age(now - oldest.created_at)}, {portal.words(oldest.status).lower()}" if oldest else ""
    )
    return (
        portal.link(portal.words(signer.role), portal.page_url(signer), note=signer.address),
        Cell("Halted", tone="danger", note=signer.halted_reason)
        if signer.halted
        else Cell("Signing", tone="success"),
        Cell(str(signer.next_nonce), number=True),
        Cell(str(waiting.count()), number=True),
        portal.link(f"nonce {oldest.nonce}", portal.page_url(oldest), note=since)
        if oldest
        else portal.BLANK,
        _gas(signer, now),
    )


def _gas(signer: Signer, now: datetime) -> Cell:
    account = GasAccount.objects.filter(signer=signer).first()
    if account is None:
        return portal.text("", note="")
    seen = f"{age(now - account.seen_at)} ago"
    if account.is_empty:
        return Cell("Empty", tone="danger", note=f"{_coins(int(account.balance_wei)).text}, {seen}")
    return Cell(_coins(int(account.balance_wei)).text, number=True, note=seen)


def _unfinished(network: str, head: BlockHead | None, now: datetime) -> Panel:
    rows = ChainTransaction.objects.filter(signer__network=network)
    rows = rows.exclude(status__in=CHAIN_TRANSACTION_FINAL).select_related("signer", "token")
    found = rows.prefetch_related("attempts_signed").order_by("signer__role", "nonce")
    return Panel(
        title="Transactions not final",
        note="Each signed form was saved before it was sent; an answer decides nothing.",
        columns=("Transaction", "Status", "Since", "Confirmed", "Newest form", "Answer", "Why"),
        rows=[_open_row(each, head, now) for each in found[:ROWS_SHOWN_MAX]],
        empty="Everything that was signed is final.",
    )


def _open_row(row: ChainTransaction, head: BlockHead | None, now: datetime) -> Sequence[Cell]:
    forms = sorted(row.attempts_signed.all(), key=lambda each: each.sequence)
    newest = forms[-1] if forms else None
    confirmed = (
        Cell(str(head.number - row.include_block + 1), number=True)
        if head and row.include_block is not None
        else portal.BLANK
    )
    price = (
        Cell(
            f"{newest.max_fee_wei / WEI_PER_GWEI:.3f} gwei",
            number=True,
            note=f"form {len(forms)}{', cancels' if newest.cancels else ''}",
        )
        if newest
        else portal.text("", note="")
    )
    return (
        portal.link(
            f"{portal.words(row.kind)}, nonce {row.nonce}",
            portal.page_url(row),
            note=f"{portal.words(row.signer.role).lower()}, {row.token.symbol}",
        ),
        portal.status(row.status),
        Cell(age(now - row.created_at), number=True),
        confirmed,
        price,
        portal.text(newest.last_answer.rstrip(": ") if newest else ""),
        portal.text(transaction_reason(row)),
    )


def _reorgs(network: str) -> Panel:
    rows = Reorg.objects.filter(network=network).order_by("-pk")[:ROWS_SHOWN_MAX]
    return Panel(
        title="Reorganisations",
        note="Blocks that were replaced after we had seen them. Nothing settles above finality.",
        columns=("Seen", "From block", "Depth", "Below finality", "Ours inside"),
        rows=[
            (
                portal.time(each.created_at),
                Cell(f"{each.first_block:,}", number=True, note=f"{each.new_hash[:18]}..."),
                Cell(str(each.depth), number=True),
                Cell("Yes", tone="danger") if each.below_finality else portal.text("No"),
                Cell(str(len(each.transactions)), number=True),
            )
            for each in rows
        ],
        empty="None was seen.",
    )


def _recoveries(network: str) -> Panel:
    rows = Recovery.objects.filter(network=network).order_by("-pk")[:ROWS_SHOWN_MAX]
    return Panel(
        title="Recoveries",
        note="Times when the chain may have known more than the database.",
        columns=("Began", "Cause", "Status", "Orders found", "Why", "Ended"),
        rows=[
            (
                portal.time(each.created_at),
                portal.text(portal.words(each.cause)),
                portal.status(each.status),
                Cell(str(each.orders_found), number=True),
                portal.text(each.reason, note=each.last_note),
                portal.time(each.ended_at),
            )
            for each in rows
        ],
        empty="None was ever needed.",
    )


def _block(number: int | None, at: datetime | None, now: datetime) -> Cell:
    if number is None:
        return portal.BLANK
    return Cell(f"{number:,}", number=True, note=f"{age(now - at)} old" if at else "")


def _coins(wei: int) -> Cell:
    """Wei in whole coins to a millionth; what is less is shown as less."""
    if 0 < wei < WEI_PER_COIN // COIN_STEPS:
        return Cell(f"< {1 / COIN_STEPS:.6f}", number=True)
    return Cell(f"{wei / WEI_PER_COIN:,.6f}", number=True)
