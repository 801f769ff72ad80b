"""A chain in trouble: nodes of several minds, a stuck lane, a reorganisation, a recovery, waits."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from core.ids import new_uuid
from issuance.models import (
    Attempt,
    BlockHead,
    ChainCursor,
    ChainTransaction,
    GasAccount,
    Holder,
    NetworkLook,
    NodeScore,
    Order,
    Recovery,
    Reorg,
    Signer,
    Token,
    Trouble,
)

HEAD = 21_480_112


def _hash() -> str:
    return "0x" + secrets.token_hex(32)


def trouble(token: Token, now: datetime) -> ChainTransaction:
    """Fill the chain monitor and the page of stuck work; returns the stuck transaction."""
    _seen(now)
    issuer = Signer.objects.get(role="ISSUER")
    stuck = _transaction(token, issuer, 41, "SENT", now - timedelta(minutes=18))
    for sequence, gwei in ((1, 21), (2, 24)):
        _attempt(stuck, sequence, gwei, now - timedelta(minutes=18 - sequence * 6))
    _transaction(token, issuer, 42, "ASSIGNED", now - timedelta(minutes=11))
    included = {
        "include_block": HEAD - 4,
        "include_hash": _hash(),
        "included_at": now - timedelta(minutes=6),
    }
    at = now - timedelta(minutes=7)
    _attempt(_transaction(token, issuer, 40, "INCLUDED", at, **included), 1, 20, at)
    Signer.objects.filter(pk=issuer.pk).update(next_nonce=43)
    GasAccount.objects.create(signer=issuer, balance_wei=1_204 * 10**15, seen_at=now)
    pauser = Signer.objects.create(
        network="anvil",
        chain_id=token.chain_id,
        address="0x" + secrets.token_hex(20),
        role="PAUSER",
        halted=True,
        halted_reason="signature of another key",
        created_at=now,
    )
    GasAccount.objects.create(signer=pauser, balance_wei=0, is_empty=True, seen_at=now)
    Order.objects.filter(status="QUEUED").update(reason_code="chain_cap_exceeded")
    Holder.objects.update(status="FAILED")
    _fails(token, now)
    return stuck


def _fails(token: Token, now: datetime) -> None:
    """What the nodes keep from being done, what our books refuse, and a fault that concerns all."""
    ChainCursor.objects.filter(token=token).update(moved_at=now - timedelta(minutes=14))
    follow, assign = {"work": "follow"}, {"work": "assign"}
    unreachable = {"code": "chain_unreachable", "note": "2 of 3 nodes give no answer", "times": 214}
    refused = {
        "code": "internal_error",
        "note": "StateConflict at issuance.services.assignment, line 236",
        "times": 3,
        "ours": True,
    }
    fault = {
        "code": "internal_error",
        "note": "DataError at issuance.services.holds, line 118",
        "times": 12_408,
        "ours": True,
    }
    everywhere = {"work": "hold", "network": "", "subject": ""}
    here = {"network": token.network, "subject": token.symbol}
    for minutes, row in (
        (14, follow | here | unreachable),
        (2, assign | here | refused),
        (60 * 31, everywhere | fault),
    ):
        since = now - timedelta(minutes=minutes)
        Trouble.objects.create(**row, since=since, seen_at=now - timedelta(seconds=minutes % 9))


def _transaction(
    token: Token, signer: Signer, nonce: int, status: str, at: datetime, **changes: Any
) -> ChainTransaction:
    fields = {
        "id": new_uuid(),
        "created_at": at,
        "signer": signer,
        "token": token,
        "kind": "MINT",
        "status": status,
        "nonce": nonce,
        "to_address": token.address,
        "calldata": b"\x01",
        "gas_limit": 180_000,
    }
    return ChainTransaction.objects.create(**fields | changes)


def _attempt(row: ChainTransaction, sequence: int, gwei: int, at: datetime) -> None:
    Attempt.objects.create(
        chain_transaction=row,
        sequence=sequence,
        tx_hash=_hash(),
        raw=b"\x02",
        max_fee_wei=gwei * 10**9,
        tip_wei=10**8,
        created_at=at,
        sent_count=3,
        last_sent_at=at,
        last_answer="already_known: anvil[0] transaction already imported",
    )


def _seen(now: datetime) -> None:
    BlockHead.objects.create(
        network="anvil",
        number=HEAD,
        hash=_hash(),
        parent_hash=_hash(),
        block_time=now - timedelta(seconds=9),
        seen_at=now,
    )
    NetworkLook.objects.create(
        network="anvil",
        finalized=HEAD - 71,
        finalized_at=now - timedelta(minutes=15),
        clock_skew_seconds=-2,
        gas_spent_wei=83 * 10**15,
        alarm="gas_account_empty",
        note="pauser cannot pay for a transaction",
        seen_at=now - timedelta(seconds=4),
    )
    _nodes_seen(now)
    Reorg.objects.create(
        created_at=now - timedelta(hours=2),
        network="anvil",
        depth=2,
        first_block=HEAD - 612,
        old_hash=_hash(),
        new_hash=_hash(),
        transactions=["ctx_1"],
    )
    Recovery.objects.create(
        created_at=now - timedelta(days=3),
        network="anvil",
        cause="FAILOVER",
        reason="the database's history changed: a standby was promoted or a backup restored",
        status="DONE",
        orders_found=2,
        ended_at=now - timedelta(days=3) + timedelta(minutes=21),
    )


def _nodes_seen(now: datetime) -> None:
    nodes = (
        ("ok", HEAD, 0, 0.0, 38, ""),
        ("aside", HEAD - 31, 31, 0.62, 912, "chain_unreachable"),
        ("wrong_chain", 0, 0, 1.0, 51, "chain_id_mismatch"),
    )
    for index, (state, head, lag, errors, latency, last) in enumerate(nodes):
        NodeScore.objects.create(
            network="anvil",
            label=f"anvil[{index}]",
            state=state,
            head=head,
            lag_blocks=lag,
            error_rate=errors,
            latency_ms=latency,
            last_error=last,
            seen_at=now - timedelta(seconds=3),
        )
