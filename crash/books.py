"""What the checker reads of the database: orders, the custody ledger, saved hashes, halts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

FINISHED = frozenset({"COMPLETED", "REJECTED", "CANCELLED", "FAILED"})
_HELD = "('FREE', 'RESERVED', 'BACKING', 'RELEASING', 'RESTRICTED')"
_ORDERS = """
    SELECT o.onchain_id, o.type, o.status, o.quantity, lower(w.address), o.client_order_id,
           o.reason_code
      FROM issuance_order o JOIN kyc_wallet w ON w.id = o.wallet_id
"""
# An attestation that relays less than the newest figure that the chain had taken before it only
# lowers the cap. One at a time is on its way, so whatever was numbered before it has ended.
# What fills a nonce is filed under some token and moves nothing of it: its network alone halts it.
_WHILE_HALTED = """
    SELECT count(*)
      FROM issuance_chaintransaction t
      JOIN issuance_token k ON k.id = t.token_id
      JOIN core_breaker b ON b.status = 'OPEN'
       AND t.created_at > b.opened_at + make_interval(secs => %s)
       AND (b.name = 'issuance.' || k.network
        OR b.name = 'issuance.' || k.network || '.' || k.symbol AND t.kind <> 'FILL')
     WHERE NOT (t.kind = 'ATTEST' AND COALESCE(
        (SELECT shares FROM custody_attestation WHERE id = t.attestation_id)
        < (SELECT a.shares
             FROM issuance_chaintransaction s JOIN custody_attestation a ON a.id = s.attestation_id
            WHERE s.token_id = t.token_id AND s.status = 'FINAL_OK' AND s.id < t.id
            ORDER BY s.id DESC LIMIT 1),
        false))
"""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order as the books have it."""

    onchain_id: int
    is_mint: bool
    status: str
    quantity: int
    account: str
    client_order_id: str
    reason_code: str


class Books:
    """One connection at a time; a server that died is connected to again at the next question."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def orders(self) -> list[OrderRow]:
        """Every order."""
        return self._orders(_ORDERS, [])

    def completed_lately(self, seconds: float) -> list[OrderRow]:
        """The orders completed in the last so many seconds."""
        recent = (
            "WHERE o.status = 'COMPLETED' AND o.completed_at > now() - make_interval(secs => %s)"
        )
        return self._orders(f"{_ORDERS} {recent}", [seconds])

    def _orders(self, text: str, values: list[object]) -> list[OrderRow]:
        rows = self._rows(text, values)
        return [
            OrderRow(int(row[0]), row[1] == "MINT", row[2], int(row[3]), row[4], row[5], row[6])
            for row in rows
        ]

    def settled(self) -> int:
        """Units that custody has settled for us."""
        return self._number(
            f"SELECT sum(balance) FROM custody_ledgeraccount WHERE bucket IN {_HELD}"  # noqa: S608 - constants
        )

    def backing(self) -> int:
        """Units that stand behind tokens."""
        return self._number(
            "SELECT sum(balance) FROM custody_ledgeraccount WHERE bucket = 'BACKING'"
        )

    def unknown_hashes(self, hashes: Iterable[str]) -> set[str]:
        """Those of the hashes that no saved attempt has."""
        wanted = set(hashes)
        if not wanted:
            return set()
        rows = self._rows(
            "SELECT tx_hash FROM issuance_attempt WHERE tx_hash = ANY(%s)", [list(wanted)]
        )
        return wanted - {row[0] for row in rows}

    def signed_while_halted(self, slack_seconds: float) -> int:
        """Transactions numbered well after a breaker of theirs opened that is open still.

        An attestation that lowers the cap is the cure and no new work: no halt stops it. Neither
        does a token's halt stop a recovery's fence, which the whole network waits for.
        """
        return self._number(_WHILE_HALTED, [slack_seconds])

    def lanes(self) -> list[tuple[str, int]]:
        """Each hot key with the next nonce it would be given."""
        return [
            (row[0], int(row[1]))
            for row in self._rows("SELECT address, next_nonce FROM issuance_signer", [])
        ]

    def works_on(self, address: str, nonce: int) -> bool:
        """Whether a chain transaction that has not ended has this nonce of the key."""
        found = self._number(
            "SELECT count(*) FROM issuance_chaintransaction t JOIN issuance_signer s"
            " ON s.id = t.signer_id WHERE s.address = %s AND t.nonce = %s"
            " AND t.status NOT IN ('FINAL_OK', 'FINAL_REVERTED', 'DEAD')",
            [address, nonce],
        )
        return found > 0

    def unfinished_transactions(self) -> int:
        """Chain transactions without a final status."""
        return self._number(
            "SELECT count(*) FROM issuance_chaintransaction"
            " WHERE status NOT IN ('FINAL_OK', 'FINAL_REVERTED', 'DEAD')"
        )

    def reverted_transactions(self) -> int:
        """Mints and burns that were mined and reverted."""
        return self._number(
            "SELECT count(*) FROM issuance_chaintransaction"
            " WHERE status = 'FINAL_REVERTED' AND kind IN ('MINT', 'BURN')"
        )

    def forget_connection(self) -> None:
        """The server may have gone: connect again next time."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _number(self, text: str, values: list[object] | None = None) -> int:
        ((found,),) = self._rows(text, values or [])
        return int(found or 0)

    def _rows(self, text: str, values: list[object]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        return self._connection.execute(text.encode(), values or None).fetchall()
