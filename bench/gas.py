"""Gas of every step beside a plain OpenZeppelin ERC-20 and T-REX 4.1.6, deployed in the same run.

Gas is exact, so one round is enough. The limits are the bars the contract is held to.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from bench.gas_peers import GAS_MAX, Ours, Peer, Plain, Sender, TRex
from bench.report import Row, publish
from config.devstack import places
from config.devstack.anvil import Anvil, start_anvil
from config.devstack.processes import stop

BATCH = 100
MINTS_IN_ONE = 1_200
ONBOARD_AT_ONCE = 400
# No registry offers it by a name known to us, so it cannot be deployed in this run.
CMTAT_NOTE = """
CMTAT is not in this run: npm has no package of it that we know. Its 3.1.0 allowlist token behind a
transparent proxy, built apart from its repository at 9c96c8e and measured the same way on anvil
1.7.1: mint 75,861, in a batch of 100 32,578, onboarding in a batch 26,362 (a boolean: no country,
no expiry), transfer to a new holder 77,621, burn 58,779 (no order id)."""
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """One token's gas; per holder or per mint where there are many."""

    onboarding: float
    mint: float
    batch_mint: float
    transfer: float
    burn: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A step, what it may cost at most, and how many times less than T-REX it must cost."""

    metric: str
    field: str
    gas_max: float
    times_less: float


BARS = (
    Bar("mint to a new permitted holder", "mint", 63_000, 4),
    Bar(f"one mint in a batch of {BATCH}", "batch_mint", 13_500, 9),
    Bar(f"onboarding one of {BATCH} holders", "onboarding", 28_000, 25),
    Bar("transfer to a new holder", "transfer", 53_000, 5),
    Bar("burn (ours with its order id)", "burn", 53_000, 1.5),
)


@contextmanager
def _chain() -> Iterator[Anvil]:
    folder = places.session_folder("bench")
    anvil = start_anvil(log_path=folder / "log", extra=("--hardfork", "prague"))
    print(f"anvil {anvil.version}, prague, ours at 200 optimizer runs through its proxy")
    try:
        yield anvil
    finally:
        stop([anvil.child], timeout_seconds=STOP_SECONDS)


def _account(number: int) -> str:
    return to_checksum_address(keccak(number.to_bytes(4))[:20])


def _measure(peer: Peer, holder: Sender) -> Figures:
    """The same steps for every token, with a supply that is not zero before the first figure."""
    crowd = [_account(number) for number in range(BATCH)]
    peer.onboard([holder.account, _account(1_000), _account(1_001)])
    for _ in range(5):
        peer.mint(holder.account)
    return Figures(
        onboarding=peer.onboard(crowd),
        mint=peer.mint(_account(1_000)),
        batch_mint=peer.mint_batch(crowd) / BATCH,
        transfer=peer.transfer(holder, _account(1_001)),
        burn=peer.burn(holder),
    )


def _most_mints(ours: Ours) -> int:
    """Gas of one transaction with as many mints as the bar asks for."""
    crowd = [_account(2_000 + number) for number in range(MINTS_IN_ONE)]
    for first in range(0, MINTS_IN_ONE, ONBOARD_AT_ONCE):
        ours.onboard(crowd[first : first + ONBOARD_AT_ONCE])
    return ours.mint_batch(crowd)


def _rows(ours: Figures, trex: Figures) -> list[Row]:
    return [
        Row(
            metric=bar.metric,
            value=getattr(ours, bar.field),
            unit="gas",
            peer=TRex.name,
            peer_value=getattr(trex, bar.field),
            limit="gas allowed",
            limit_value=bar.gas_max,
            bar=bar.times_less,
            limit_bar=1.0,
            lower_is_better=True,
        )
        for bar in BARS
    ]


def _print_table(measured: dict[str, Figures]) -> None:
    print(f"\n{'gas':<34}" + "".join(f"{name:>37}" for name in measured))
    for bar in BARS:
        figures = [getattr(each, bar.field) for each in measured.values()]
        cells = [f"{figure:,.0f}" if figure else "-" for figure in figures]
        print(f"{bar.metric:<34}" + "".join(f"{cell:>37}" for cell in cells))
    print(CMTAT_NOTE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench gas", description=__doc__)
    parser.add_argument("--json", dest="rows_path")
    arguments = parser.parse_args()
    with _chain() as anvil:
        owner, issuer, holder = (Sender(anvil, account) for account in anvil.accounts()[:3])
        ours = Ours(owner, issuer)
        peers: list[Peer] = [ours, Plain(owner), TRex(owner)]
        measured = {peer.name: _measure(peer, holder) for peer in peers}
        most = _most_mints(ours)
    _print_table(measured)
    trex = measured[TRex.name]
    rows = _rows(measured[Ours.name], trex)
    rows.append(
        Row(
            metric=f"{MINTS_IN_ONE:,} mints in one transaction",
            value=most,
            unit="gas",
            peer=f"{TRex.name}, were it allowed to",
            peer_value=trex.batch_mint * MINTS_IN_ONE,
            limit="gas a transaction may use (EIP-7825)",
            limit_value=GAS_MAX,
            bar=9,
            limit_bar=1.0,
            lower_is_better=True,
        )
    )
    return publish("gas", rows, rows_path=arguments.rows_path)


if __name__ == "__main__":
    sys.exit(main())
