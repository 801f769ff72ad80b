"""A private chain: anvil from npm on a free port, with controls for tests."""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config.devstack import places, ports, rpc
from config.devstack.processes import Child, StackError, start, wait_until

CHAIN_ID = 31_337
START_SECONDS = 30
# Real nodes refuse a transaction above 16,777,216 gas.
FLAGS = ("--enable-tx-gas-limit", "--silent")


@dataclass(frozen=True)
class Anvil:
    """A running chain and its controls."""

    child: Child
    url: str
    port: int
    chain_id: int
    genesis: str
    version: str

    def rpc(self, method: str, *params: object) -> Any:  # noqa: ANN401 - as the node answers
        return rpc.call(self.url, method, *params)

    def block_number(self, tag: str = "latest") -> int:
        return int(self.rpc("eth_getBlockByNumber", tag, False)["number"], 16)  # noqa: FBT003

    def mine(self, blocks: int = 1) -> int:
        """Mine and return the head. Three blocks make what was included final."""
        self.rpc("anvil_mine", hex(blocks))
        return self.block_number()

    def accounts(self) -> list[str]:
        """Unlocked accounts with ether, for a test's own use."""
        return list(self.rpc("eth_accounts"))

    def set_balance(self, address: str, wei: int) -> None:
        self.rpc("anvil_setBalance", address, hex(wei))

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        self.rpc("evm_revert", snapshot)

    def reorg(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the last ``depth`` blocks; ``transactions`` are (raw, block offset) to put back."""
        self.rpc("anvil_reorg", depth, [list(each) for each in transactions])

    def drop(self, tx_hash: str) -> None:
        self.rpc("anvil_dropTransaction", tx_hash)

    def automine(self, *, on: bool) -> None:
        self.rpc("evm_setAutomine", on)

    def interval_mining(self, seconds: int) -> None:
        """Mine every so many seconds; 0 mines only when asked."""
        self.rpc("evm_setIntervalMining", seconds)

    def increase_time(self, seconds: int) -> None:
        self.rpc("evm_increaseTime", seconds)
        self.mine()

    def pause(self) -> None:
        """Stop answering, as a node that hangs does."""
        os.kill(self.child.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.child.pid, signal.SIGCONT)


def program() -> Path | None:
    """anvil's native binary (npm's launcher would hide the process id), or None when absent."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "")
    system = "darwin" if sys.platform == "darwin" else "linux"
    modules = places.CHECKOUT / "issuance" / "contracts" / "node_modules" / "@foundry-rs"
    found = modules / f"anvil-{system}-{machine}" / "bin" / "anvil"
    if found.exists():
        return found
    on_path = shutil.which("anvil")
    return Path(on_path) if on_path else None


@cache
def program_version(binary: Path) -> str:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    number = re.search(r"\d+\.\d+\.\d+", said.stdout)
    return number.group() if number else "unknown"


def await_chain(child: Child, *, port: int, chain_id: int, version: str) -> Anvil:
    """Wait until our own process answers on ``port`` with the wanted chain id."""
    url = f"http://{ports.LOOPBACK}:{port}"

    def is_ready() -> bool:
        return ports.listens(child.pid, port)

    wait_until(is_ready, child=child, timeout_seconds=START_SECONDS, what="the start of the chain")
    answered = int(rpc.call(url, "eth_chainId"), 16)
    if answered != chain_id:
        raise StackError(f"the chain on port {port} has id {answered}, not {chain_id}")
    genesis = str(rpc.call(url, "eth_getBlockByNumber", "0x0", False)["hash"])  # noqa: FBT003
    return Anvil(
        child=child, url=url, port=port, chain_id=chain_id, genesis=genesis, version=version
    )


def start_anvil(
    *,
    log_path: Path,
    block_seconds: int | None = None,
    chain_id: int = CHAIN_ID,
    slots_in_an_epoch: int = 1,
    state: Path | None = None,
    extra: Sequence[str] = (),
) -> Anvil:
    """Start a chain; without ``block_seconds`` each transaction gets its own block at once.

    A block is final once twice ``slots_in_an_epoch`` blocks stand above it. ``state`` is a file
    the chain is read from and saved to when it ends.
    """
    binary = program()
    if binary is None:
        raise StackError("anvil is missing: run `npm install` in issuance/contracts")
    port = ports.free_port()
    command: list[str | Path] = [binary, "--host", ports.LOOPBACK, "--port", str(port), *FLAGS]
    command += ["--chain-id", str(chain_id), "--slots-in-an-epoch", str(slots_in_an_epoch), *extra]
    if block_seconds is not None:
        command += ["--block-time", str(block_seconds)]
    if state is not None:
        command += ["--state", state, "--state-interval", "5"]
    child = start("chain", command, log_path=log_path)
    return await_chain(child, port=port, chain_id=chain_id, version=program_version(binary))
