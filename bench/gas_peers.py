"""The tokens whose gas is compared: ours, a plain OpenZeppelin ERC-20, and T-REX 4.1.6 from npm."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from config.devstack import places
from config.devstack.anvil import Anvil
from issuance.chain import contracts, token
from issuance.chain.attestation import TokenDomain
from issuance.chain.compile import compile_contracts
from issuance.chain.deploy import TokenPlan, encode_initialize
from issuance.chain.types import Attestation, HolderEntry, OrderItem
from issuance.chain.wallets import Wallet

MODULES = places.CHECKOUT / "issuance" / "contracts" / "node_modules"
GAS_MAX = 16_777_216
SWITZERLAND = 756
CHINA = 156
AMOUNT = 12_500_000_000_000_000_000
SUPPLY_MAX = 10**28
NOBODY = "0x" + "00" * 20
KYC_TOPIC = 7
ECDSA_SCHEME = 1
DECIMALS = 18
YEAR = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Sender:
    """An unlocked account of a chain that mines at once; every call must succeed."""

    anvil: Anvil
    account: str

    def create(self, code: bytes, types: Sequence[str] = (), values: Sequence[object] = ()) -> str:
        return self.create_counted(code, types, values)[0]

    def create_counted(
        self, code: bytes, types: Sequence[str], values: Sequence[object]
    ) -> tuple[str, int]:
        """Create a contract; returns its address and the gas it took."""
        receipt = self._send({"data": f"0x{(code + encode(types, values)).hex()}"})
        return to_checksum_address(receipt["contractAddress"]), int(receipt["gasUsed"], 16)

    def call(self, to: str, signature: str, *values: object) -> int:
        """Send one call; returns the gas it used, the 21,000 of any transaction included."""
        types = _types(signature)
        return self.send(
            to, function_signature_to_4byte_selector(signature) + encode(types, values)
        )

    def send(self, to: str, data: bytes) -> int:
        return int(self._send({"to": to, "data": f"0x{data.hex()}"})["gasUsed"], 16)

    def _send(self, fields: dict[str, str]) -> dict[str, Any]:
        call = {"from": self.account, "gas": hex(GAS_MAX)} | fields
        tx_hash = self.anvil.rpc("eth_sendTransaction", call)
        receipt: dict[str, Any] | None = None
        while receipt is None:  # the node may answer a moment before it has mined
            receipt = self.anvil.rpc("eth_getTransactionReceipt", tx_hash)
        if receipt["status"] != "0x1":
            raise RuntimeError(f"a benchmark's transaction failed: {tx_hash}")
        return receipt


class Peer(Protocol):
    """A token that can be asked for the same things as ours; every figure is gas."""

    name: str

    def onboard(self, accounts: Sequence[str]) -> float: ...
    def mint(self, account: str) -> int: ...
    def mint_batch(self, accounts: Sequence[str]) -> int: ...
    def transfer(self, holder: Sender, receiver: str) -> int: ...
    def burn(self, holder: Sender) -> int: ...


class Ours:
    """EtfToken through its proxy, with every rule on."""

    name = "sharemint EtfToken"

    def __init__(self, admin: Sender, issuer: Sender) -> None:
        self._admin, self._issuer = admin, issuer
        attestor = Wallet(keccak(text="the benchmark's attestor"))
        plan = TokenPlan(
            name="Bench",
            symbol="BENCH",
            admin=admin.account,
            issuer=issuer.account,
            attestor=attestor.address,
            compliance=admin.account,
            pauser=admin.account,
            upgrader=admin.account,
            restricted=(CHINA,),
            mint_limit=SUPPLY_MAX,
        )
        implementation = admin.create(contracts.artifact("EtfToken").bytecode)
        proxy = contracts.artifact("EtfTokenProxy").bytecode
        creation = [implementation, encode_initialize(plan)]
        self.address = admin.create(proxy, ["address", "bytes"], creation)
        self._order = 0
        domain = TokenDomain("Bench", admin.anvil.chain_id, self.address)
        figure = Attestation(SUPPLY_MAX, self._now() - 1, f"0x{bytes(32).hex()}")
        signature = attestor.sign_attestation(figure, domain)
        issuer.send(
            self.address,
            token.encode_attest(figure, attestor=attestor.address, signature=signature),
        )

    def onboard(self, accounts: Sequence[str]) -> float:
        entries = [HolderEntry(each, SWITZERLAND, self._now() + YEAR) for each in accounts]
        return self._admin.send(self.address, token.encode_set_holders(entries)) / len(accounts)

    def mint(self, account: str) -> int:
        return self.mint_batch([account])

    def mint_batch(self, accounts: Sequence[str]) -> int:
        orders = [OrderItem(self._next(), account, AMOUNT) for account in accounts]
        return self._issuer.send(self.address, token.encode_mint_batch(orders))

    def transfer(self, holder: Sender, receiver: str) -> int:
        return holder.send(self.address, token.encode_transfer(to=receiver, amount=AMOUNT))

    def burn(self, holder: Sender) -> int:
        """The burn alone; another escrow stays behind, as in use."""
        orders = [OrderItem(self._next(), holder.account, AMOUNT) for _ in range(2)]
        for order in orders:
            request = token.encode_request_redeem(order_id=order.order_id, amount=AMOUNT)
            holder.send(self.address, request)
        return self._issuer.send(self.address, token.encode_burn_order(orders[0]))

    def _next(self) -> int:
        self._order += 1
        return self._order

    def _now(self) -> int:
        return int(self._admin.anvil.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)  # noqa: FBT003 - the method's own


class Plain:
    """OpenZeppelin's ERC-20 with an owner: no rules at all, no proxy."""

    name = "OpenZeppelin ERC-20, no rules"

    def __init__(self, owner: Sender) -> None:
        self._owner = owner
        built = compile_contracts(["test/PlainToken.sol"])["test/PlainToken.sol"]["PlainToken"]
        self.address = owner.create(bytes.fromhex(built["evm"]["bytecode"]["object"]))

    def onboard(self, accounts: Sequence[str]) -> float:
        return 0.0

    def mint(self, account: str) -> int:
        return self._owner.call(self.address, "mint(address,uint256)", account, AMOUNT)

    def mint_batch(self, accounts: Sequence[str]) -> int:
        amounts = [AMOUNT] * len(accounts)
        return self._owner.call(
            self.address, "batchMint(address[],uint256[])", list(accounts), amounts
        )

    def transfer(self, holder: Sender, receiver: str) -> int:
        return holder.call(self.address, "transfer(address,uint256)", receiver, AMOUNT)

    def burn(self, holder: Sender) -> int:
        return self._owner.call(self.address, "burn(address,uint256)", holder.account, AMOUNT)


class TRex:
    """T-REX 4.1.6 as published: ONCHAINID and one KYC claim per holder, one country barred."""

    name = "T-REX 4.1.6, one claim, one country"

    def __init__(self, owner: Sender) -> None:
        self._owner = owner
        self._claim_key = keccak(text="the benchmark's claim issuer")
        self._deploy_suite()
        self._deploy_identities()

    def onboard(self, accounts: Sequence[str]) -> float:
        """Identity contract, signed claim, and a place in the registry, as T-REX asks."""
        before = [self._identity_of(account) for account in accounts]
        identities = [identity for identity, _ in before]
        countries = [SWITZERLAND] * len(accounts)
        registered = self._owner.call(
            self.registry,
            "batchRegisterIdentity(address[],address[],uint16[])",
            list(accounts),
            identities,
            countries,
        )
        return (sum(gas for _, gas in before) + registered) / len(accounts)

    def mint(self, account: str) -> int:
        return self._owner.call(self.address, "mint(address,uint256)", account, AMOUNT)

    def mint_batch(self, accounts: Sequence[str]) -> int:
        amounts = [AMOUNT] * len(accounts)
        return self._owner.call(
            self.address, "batchMint(address[],uint256[])", list(accounts), amounts
        )

    def transfer(self, holder: Sender, receiver: str) -> int:
        return holder.call(self.address, "transfer(address,uint256)", receiver, AMOUNT)

    def burn(self, holder: Sender) -> int:
        return self._owner.call(self.address, "burn(address,uint256)", holder.account, AMOUNT)

    def _deploy_suite(self) -> None:
        own = self._owner
        names = (
            "token/Token", "registry/implementation/ClaimTopicsRegistry",
            "registry/implementation/IdentityRegistry",
            "registry/implementation/IdentityRegistryStorage",
            "registry/implementation/TrustedIssuersRegistry",
            "compliance/modular/ModularCompliance",
        )  # fmt: skip
        codes = [own.create(_trex(name)) for name in names]
        authority = own.create(
            _trex("proxy/authority/TREXImplementationAuthority"),
            ["bool", "address", "address"],
            [True, NOBODY, NOBODY],
        )
        self._authority = authority
        struct = "(address,address,address,address,address,address)"
        own.call(
            authority,
            f"addAndUseTREXVersion((uint8,uint8,uint8),{struct})",
            (4, 1, 6),
            tuple(codes),
        )
        topics, issuers, storage, self._compliance = (
            own.create(_trex(f"proxy/{name}"), ["address"], [authority])
            for name in (
                "ClaimTopicsRegistryProxy",
                "TrustedIssuersRegistryProxy",
                "IdentityRegistryStorageProxy",
                "ModularComplianceProxy",
            )
        )
        self._topics, self._issuers = topics, issuers
        self.registry = own.create(
            _trex("proxy/IdentityRegistryProxy"),
            ["address"] * 4,
            [authority, issuers, topics, storage],
        )
        self.address = own.create(
            _trex("proxy/TokenProxy"),
            ["address", "address", "address", "string", "string", "uint8", "address"],
            [authority, self.registry, self._compliance, "Bench", "BENCH", DECIMALS, NOBODY],
        )
        own.call(storage, "bindIdentityRegistry(address)", self.registry)
        for contract in (self.registry, self.address):
            own.call(contract, "addAgent(address)", own.account)
        self.bar(CHINA)
        own.call(self.address, "unpause()")

    def create_compliance(self) -> str:
        """A second compliance contract, which its owner may put in the place of the first."""
        proxy = _trex("proxy/ModularComplianceProxy")
        return self._owner.create(proxy, ["address"], [self._authority])

    def bar(self, country: int) -> None:
        """Restrict a country by a module of its own."""
        folder = "compliance/modular/modules"
        code = self._owner.create(_trex(f"{folder}/CountryRestrictModule"))
        initialize = function_signature_to_4byte_selector("initialize()")
        module = self._owner.create(
            _trex(f"{folder}/ModuleProxy"), ["address", "bytes"], [code, initialize]
        )
        self._owner.call(self._compliance, "addModule(address)", module)
        data = function_signature_to_4byte_selector("addCountryRestriction(uint16)")
        data += encode(["uint16"], [country])
        self._owner.call(self._compliance, "callModuleFunction(bytes,address)", data, module)

    def _deploy_identities(self) -> None:
        own = self._owner
        library = own.create(_identity("Identity"), ["address", "bool"], [own.account, True])
        self._identities = own.create(
            _identity("proxy/ImplementationAuthority"), ["address"], [library]
        )
        signer = Account.from_key(self._claim_key).address
        self._claim_issuer = own.create(_identity("ClaimIssuer"), ["address"], [signer])
        own.call(self._topics, "addClaimTopic(uint256)", KYC_TOPIC)
        own.call(
            self._issuers, "addTrustedIssuer(address,uint256[])", self._claim_issuer, [KYC_TOPIC]
        )

    def _identity_of(self, account: str) -> tuple[str, int]:
        """A holder's identity contract with its KYC claim, and what both cost."""
        own = self._owner
        identity, created = own.create_counted(
            _identity("proxy/IdentityProxy"),
            ["address", "address"],
            [self._identities, own.account],
        )
        digest = keccak(encode(["address", "uint256", "bytes"], [identity, KYC_TOPIC, b"kyc"]))
        signed = Account.sign_message(encode_defunct(primitive=digest), self._claim_key)
        claimed = own.call(
            identity,
            "addClaim(uint256,uint256,address,bytes,bytes,string)",
            KYC_TOPIC,
            ECDSA_SCHEME,
            self._claim_issuer,
            bytes(signed.signature),
            b"kyc",
            "",
        )
        return identity, created + claimed


def _trex(path: str) -> bytes:
    return _published(MODULES / "@tokenysolutions" / "t-rex", path)


def _identity(path: str) -> bytes:
    return _published(MODULES / "@onchain-id" / "solidity", path)


def _published(package: Path, path: str) -> bytes:
    name = path.rpartition("/")[2]
    file = package / "artifacts" / "contracts" / f"{path}.sol" / f"{name}.json"
    return bytes.fromhex(json.loads(file.read_text())["bytecode"].removeprefix("0x"))


def _types(signature: str) -> list[str]:
    """The parameter types of a signature, tuples kept whole."""
    types, depth, word = [], 0, ""
    for letter in signature.partition("(")[2][:-1]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            types.append(word)
            word = ""
        else:
            word += letter
    return [*types, word] if word else types
