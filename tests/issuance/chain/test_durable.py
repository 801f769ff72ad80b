"""Files beside the keys: two commands at once lose nothing, and a crash leaves the old text or the new."""

import os
import stat
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event

import pytest
from eth_utils.address import to_checksum_address

from issuance.chain import contracts, durable
from issuance.chain.address_book import AddressBook, Entry
from issuance.chain.client import ChainClient
from issuance.chain.creations import Creation, Creations, create
from issuance.chain.deploy import TokenPlan
from issuance.chain.permissions import Permission
from issuance.chain.policy_file import PolicyFile

AT_ONCE = 12
CHAIN_ID = 31_337


def at_once(works: Iterable[Callable[[], object]]) -> None:
    """Each work in a thread of its own, begun together; a lock of one is a lock to all others."""
    given = list(works)
    begin = Barrier(len(given))

    def run(work: Callable[[], object]) -> None:
        begin.wait(timeout=10)
        work()

    with ThreadPoolExecutor(len(given)) as pool:
        for done in [pool.submit(run, work) for work in given]:
            done.result(timeout=30)


def address(number: int) -> str:
    return to_checksum_address(f"0x{number + 1:040x}")


def entry(number: int) -> Entry:
    who = address(number)
    plan = TokenPlan(
        name="a", symbol=f"s{number}", admin=who, issuer=who, attestor=who, compliance=who,
        pauser=address(1), upgrader=address(1), restricted=(),
    )  # fmt: skip
    where = {"proxy": address(number), "implementation": address(number), "code_hash": "0x"}
    return Entry(
        network="anvil",
        chain_id=CHAIN_ID,
        block_number=1,
        tx_hash=f"0x{number}",
        plan=plan,
        **where,
    )


def test_permissions_given_at_once_are_all_kept(tmp_path):
    at_once(
        partial(
            PolicyFile(tmp_path).permit,
            address(number),
            [Permission(CHAIN_ID, "ISSUER", address(0))],
        )
        for number in range(AT_ONCE)
    )
    assert PolicyFile(tmp_path).addresses() == sorted(address(each) for each in range(AT_ONCE))


def test_permissions_of_one_key_given_at_once_are_all_kept(tmp_path):
    at_once(
        partial(
            PolicyFile(tmp_path).permit,
            address(0),
            [Permission(CHAIN_ID, "ISSUER", address(number))],
        )
        for number in range(AT_ONCE)
    )
    held = PolicyFile(tmp_path).policy_of(address(0)).permissions
    assert {each.contract for each in held} == {address(each) for each in range(AT_ONCE)}


def test_tokens_recorded_and_struck_at_once_are_all_as_they_were_left(tmp_path):
    book = AddressBook(tmp_path / "addresses")
    book.record(entry(AT_ONCE))
    works = [partial(book.record, entry(number)) for number in range(AT_ONCE)]
    at_once([*works, lambda: book.strike(entry(AT_ONCE))])
    for number in range(AT_ONCE):
        assert book.entry(chain_id=CHAIN_ID, symbol=f"s{number}") == entry(number)
    document = (tmp_path / "addresses" / f"{CHAIN_ID}.json").read_text()
    assert f'"s{AT_ONCE}"' not in document


def test_creations_begun_at_once_are_all_kept(tmp_path):
    def begin(number: int) -> None:
        begun = Creations(tmp_path, chain_id=CHAIN_ID, undertaking=f"s{number % 3}")
        begun.keep(
            Creation(digest="0x", sender=address(0), nonce=number, tx_hash=f"0x{number}", raw="0x")
        )

    at_once(partial(begin, number) for number in range(AT_ONCE))
    kept = [
        [each.nonce for each in Creations(tmp_path, chain_id=CHAIN_ID, undertaking=name).all()]
        for name in ("s0", "s1", "s2")
    ]
    assert kept == [list(range(first, AT_ONCE, 3)) for first in range(3)]


def test_two_deployments_at_once_take_two_nonces(anvil, deployer, tmp_path, monkeypatch):
    clients = [ChainClient("anvil", [anvil.url], anvil.chain_id) for _ in range(2)]
    second_came = Event()
    balance = clients[0].balance

    def slow(account, **options):
        second_came.wait(timeout=1)  # it has chosen its nonce and sent nothing yet
        return balance(account, **options)

    nonce = clients[1].nonce

    def come(account, **options):
        found = nonce(account, **options)
        second_came.set()
        return found

    monkeypatch.setattr(clients[0], "balance", slow)
    monkeypatch.setattr(clients[1], "nonce", come)
    code = contracts.artifact("EtfToken").bytecode

    def deploy(place: int) -> None:
        begun = Creations(tmp_path, chain_id=anvil.chain_id, undertaking=f"s{place}")
        create(client=clients[place], signer=deployer, code=code, begun=begun)

    at_once([lambda: deploy(0), lambda: deploy(1)])
    assert clients[0].nonce(deployer.address, at="latest") == 2


def test_a_crash_while_a_file_is_written_leaves_the_former_one(tmp_path, monkeypatch):
    book = AddressBook(tmp_path)
    book.record(entry(0))

    def crash(_):
        raise InterruptedError

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(InterruptedError):
        book.record(entry(1))
    assert '"s1"' not in (tmp_path / f"{CHAIN_ID}.json").read_text()
    monkeypatch.undo()
    book.record(entry(1))
    assert book.entry(chain_id=CHAIN_ID, symbol="s1") == entry(1)


def test_the_text_is_on_disk_before_its_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    path = tmp_path / "policy.json"
    done = []
    sync = os.fsync

    def noted(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "text"
        done.append((kind, path.exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    durable.replace_text(path, "{}")
    assert done == [("text", False), ("folder", True)]


def test_a_file_that_only_its_owner_may_read_stays_so(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text("{}")
    path.chmod(0o600)
    PolicyFile(tmp_path).permit(address(0), [Permission(CHAIN_ID, "ISSUER", address(1))])
    assert path.stat().st_mode & 0o777 == 0o600
