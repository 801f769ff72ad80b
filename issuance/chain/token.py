"""EtfToken's calldata, logs and reads, by precomputed selectors instead of a contract object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_abi.abi import decode, encode
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address

from issuance.chain.errors import CallReverted
from issuance.chain.types import (
    Attestation,
    BlockTag,
    Chain,
    HolderEntry,
    HolderState,
    MintAllowance,
    OrderItem,
    Reserves,
)

PERMITTED = 1
FROZEN = 2
PROTOCOL = 4
PAUSE_MINT = 1
PAUSE_TRANSFER = 2

# One transaction may use 16,777,216 gas (EIP-7825); a mint in a batch needs about 12,500.
MINTS_PER_TRANSACTION_MAX = 1_200

_WORD = 32
ADDRESS_BYTES = 20
_ORDERS = "(uint64,address,uint96)[]"
_HOLDERS = "(address,uint16,uint40,uint8)[]"


def _selector(signature: str) -> bytes:
    return function_signature_to_4byte_selector(signature)


_ATTEST = _selector("attest(uint256,uint40,bytes32,address,bytes)")
_BALANCE_OF = _selector("balanceOf(address)")
_BATCH_SET_ADDRESS_FROZEN = _selector("batchSetAddressFrozen(address[],bool[])")
_BURN_BATCH = _selector(f"burnBatch({_ORDERS})")
_BURN_ORDER = _selector("burnOrder(uint64,address,uint96)")
_CANCEL_REDEEM = _selector("cancelRedeem(uint64,address)")
_FORCED_TRANSFER = _selector("forcedTransfer(address,address,uint256)")
_GRANT_ROLE = _selector("grantRole(bytes32,address)")
_HAS_ROLE = _selector("hasRole(bytes32,address)")
_HOLDER = _selector("holder(address)")
_IS_EXECUTED = _selector("isExecuted(uint64)")
_IS_RESTRICTED = _selector("isRestricted(uint16)")
_MINT_BATCH = _selector(f"mintBatch({_ORDERS})")
_MINT_ALLOWANCE = _selector("mintAllowance(address)")
_NONCES = _selector("nonces(address)")
_PAUSE = _selector("pause(uint8)")
_RECOVER = _selector("recover(uint64,address,address)")
_REDEMPTION = _selector("redemption(uint64,address)")
_REQUEST_REDEEM = _selector("requestRedeem(uint256,uint64)")
_REQUEST_REDEEM_FOR = _selector("requestRedeemFor(address,uint256,uint64,uint256,bytes)")
_RESERVES = _selector("reserves()")
_REVOKE_ROLE = _selector("revokeRole(bytes32,address)")
_SET_ADDRESS_FROZEN = _selector("setAddressFrozen(address,bool)")
_SET_FROZEN_TOKENS = _selector("setFrozenTokens(address,uint256)")
_SET_HOLDERS = _selector(f"setHolders({_HOLDERS})")
_SET_MAX_AGE = _selector("setMaxAge(uint16)")
_SET_MINT_LIMIT = _selector("setMintLimit(address,uint96)")
_SET_RESTRICTED = _selector("setRestricted(uint16[],bool)")
_SET_UI_MULTIPLIER = _selector("setUIMultiplier(uint256,uint256)")
_TOTAL_SUPPLY = _selector("totalSupply()")
_TRANSFER = _selector("transfer(address,uint256)")
_UI_MULTIPLIER = _selector("uiMultiplier()")
_UNPAUSE = _selector("unpause(uint8)")

# What a hot key of each role may sign; the signer refuses everything else.
ISSUER_SELECTORS = frozenset(
    {_MINT_BATCH, _BURN_BATCH, _BURN_ORDER, _CANCEL_REDEEM, _ATTEST, _REQUEST_REDEEM_FOR}
)
COMPLIANCE_SELECTORS = frozenset(
    {
        _SET_HOLDERS,
        _SET_ADDRESS_FROZEN,
        _BATCH_SET_ADDRESS_FROZEN,
        _SET_FROZEN_TOKENS,
        _FORCED_TRANSFER,
        _RECOVER,
        _SET_RESTRICTED,
    }
)
PAUSER_SELECTORS = frozenset({_PAUSE})
ADMIN_SELECTORS = frozenset(
    {_GRANT_ROLE, _REVOKE_ROLE, _SET_MAX_AGE, _SET_MINT_LIMIT, _SET_UI_MULTIPLIER, _UNPAUSE}
)


def encode_mint_batch(orders: Sequence[OrderItem]) -> bytes:
    """Mint each order once; an ineligible receiver is skipped, a used id reverts the batch."""
    return _MINT_BATCH + _rows(orders)


def encode_burn_batch(orders: Sequence[OrderItem]) -> bytes:
    """Destroy what each holder escrowed under its order id; any difference reverts the batch."""
    return _BURN_BATCH + _rows(orders)


def encode_burn_order(order: OrderItem) -> bytes:
    """Destroy what one holder escrowed under one order id, if it is exactly this amount."""
    row = (order.order_id, order.account, order.amount)
    return _BURN_ORDER + encode(["uint64", "address", "uint96"], row)


def encode_cancel_redeem(*, order_id: int, holder: str) -> bytes:
    """Give a holder's escrowed tokens back; the order id stays unused."""
    return _CANCEL_REDEEM + encode(["uint64", "address"], [order_id, holder])


def encode_request_redeem(*, order_id: int, amount: int) -> bytes:
    """What the holder's wallet sends to put tokens in escrow for its redeem order."""
    return _REQUEST_REDEEM + encode(["uint256", "uint64"], [amount, order_id])


def encode_request_redeem_for(
    *, account: str, amount: int, order_id: int, deadline: int, signature: bytes
) -> bytes:
    """Relay a redeem request that its holder only signed (``attestation.redeem_digest``)."""
    types = ["address", "uint256", "uint64", "uint256", "bytes"]
    return _REQUEST_REDEEM_FOR + encode(types, [account, amount, order_id, deadline, signature])


def encode_set_holders(holders: Sequence[HolderEntry]) -> bytes:
    """Write the standing of holders; balances and freezes stay as they are."""
    rows = [(h.account, h.country, h.kyc_expiry, _flags(h)) for h in holders]
    return _SET_HOLDERS + encode([_HOLDERS], [rows])


def encode_attest(attestation: Attestation, *, attestor: str, signature: bytes) -> bytes:
    """Relay a custodian's signed figure; anyone may send it."""
    row = (
        attestation.shares,
        attestation.as_of,
        bytes.fromhex(attestation.report_hash.removeprefix("0x")),
        attestor,
        signature,
    )
    return _ATTEST + encode(["uint256", "uint40", "bytes32", "address", "bytes"], row)


def encode_transfer(*, to: str, amount: int) -> bytes:
    """A plain ERC-20 transfer."""
    return _TRANSFER + encode(["address", "uint256"], [to, amount])


def encode_set_restricted(countries: Sequence[int], *, restricted: bool) -> bytes:
    """Bar countries (ISO 3166-1 numbers) on both ends of a movement, or lift the bar."""
    return _SET_RESTRICTED + encode(["uint16[]", "bool"], [list(countries), restricted])


def encode_set_address_frozen(*, account: str, frozen: bool) -> bytes:
    """Freeze or thaw one holder altogether."""
    return _SET_ADDRESS_FROZEN + encode(["address", "bool"], [account, frozen])


def encode_set_frozen_tokens(*, account: str, amount: int) -> bytes:
    """Freeze this many tokens of one holder; the figure may exceed the balance."""
    return _SET_FROZEN_TOKENS + encode(["address", "uint256"], [account, amount])


def encode_forced_transfer(*, sender: str, receiver: str, amount: int) -> bytes:
    """Move tokens without their holder, to a receiver who may hold them."""
    return _FORCED_TRANSFER + encode(["address", "address", "uint256"], [sender, receiver, amount])


def encode_batch_set_address_frozen(frozen: Mapping[str, bool]) -> bytes:
    """Freeze or thaw many holders altogether; account -> whether it is frozen from now on."""
    columns = [list(frozen), list(frozen.values())]
    return _BATCH_SET_ADDRESS_FROZEN + encode(["address[]", "bool[]"], columns)


def encode_recover(*, order_id: int, lost: str, account: str) -> bytes:
    """Give a lost wallet's tokens and freezes to another wallet of its holder, once per id."""
    return _RECOVER + encode(["uint64", "address", "address"], [order_id, lost, account])


def encode_pause(what: int) -> bytes:
    """Stop minting (1), transfers (2), or both (3)."""
    return _PAUSE + encode(["uint8"], [what])


def encode_unpause(what: int) -> bytes:
    """Resume minting (1), transfers (2), or both (3)."""
    return _UNPAUSE + encode(["uint8"], [what])


def encode_set_max_age(minutes: int) -> bytes:
    """How old an attestation may be when tokens are minted on it."""
    return _SET_MAX_AGE + encode(["uint16"], [minutes])


def encode_set_mint_limit(*, issuer: str, limit: int) -> bytes:
    """What an issuer may mint in a day, in raw units; full at once."""
    return _SET_MINT_LIMIT + encode(["address", "uint96"], [issuer, limit])


def encode_set_ui_multiplier(*, multiplier: int, effective_at: int) -> bytes:
    """From a time on, one token stands for ``multiplier`` / 10^18 shares."""
    return _SET_UI_MULTIPLIER + encode(["uint256", "uint256"], [multiplier, effective_at])


def encode_grant_role(*, role: bytes, account: str) -> bytes:
    """Give a role; the contract refuses ISSUER and ATTESTOR on one account."""
    return _GRANT_ROLE + encode(["bytes32", "address"], [role, account])


def encode_revoke_role(*, role: bytes, account: str) -> bytes:
    """Take a role."""
    return _REVOKE_ROLE + encode(["bytes32", "address"], [role, account])


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Views of one token at a block; every method may raise ChainError, which means unknown."""

    chain: Chain
    address: str

    def supply(self, *, at: BlockTag = "latest") -> int:
        """Raw units in existence, escrow included."""
        return self._int(_TOTAL_SUPPLY, at)

    def balance(self, account: str, *, at: BlockTag = "latest") -> int:
        """Raw units one account holds."""
        return self._int(_BALANCE_OF + encode(["address"], [account]), at)

    def is_executed(self, order_id: int, *, at: BlockTag = "latest") -> bool:
        """Whether the order id has been consumed by a mint or a burn."""
        return bool(self._int(_IS_EXECUTED + encode(["uint64"], [order_id]), at))

    def are_executed(self, order_ids: Sequence[int], *, at: BlockTag = "latest") -> list[bool]:
        """The same of many order ids, in one request."""
        datas = [_IS_EXECUTED + encode(["uint64"], [each]) for each in order_ids]
        said = self.chain.call_many(to=self.address, datas=datas, at=at)
        return [bool(int.from_bytes(each)) for each in said]

    def redemption(self, *, order_id: int, holder: str, at: BlockTag = "latest") -> int:
        """Raw units this holder has in escrow under the order id."""
        arguments = encode(["uint64", "address"], [order_id, holder])
        return self._int(_REDEMPTION + arguments, at)

    def has_role(self, role: bytes, account: str, *, at: BlockTag = "latest") -> bool:
        """Whether the account holds the role."""
        return bool(self._int(_HAS_ROLE + encode(["bytes32", "address"], [role, account]), at))

    def mint_allowance(self, issuer: str, *, at: BlockTag = "latest") -> MintAllowance:
        """What an issuer may mint at that block, and in a day."""
        data = self._call(_MINT_ALLOWANCE + encode(["address"], [issuer]), at)
        available, limit = _decode(["uint256", "uint256"], data)
        return MintAllowance(available=available, limit=limit)

    def multiplier(self, *, at: BlockTag = "latest") -> int:
        """Shares per token, times 10^18 (ERC-8056)."""
        return self._int(_UI_MULTIPLIER, at)

    def signing_nonce(self, account: str, *, at: BlockTag = "latest") -> int:
        """The nonce of the account's next permit or signed redeem request."""
        return self._int(_NONCES + encode(["address"], [account]), at)

    def is_restricted(self, country: int, *, at: BlockTag = "latest") -> bool:
        """Whether the country (ISO 3166-1 number) is barred."""
        return bool(self._int(_IS_RESTRICTED + encode(["uint16"], [country]), at))

    def holder(self, account: str, *, at: BlockTag = "latest") -> HolderState:
        """One holder's balance and standing."""
        types = ["uint96", "uint96", "uint16", "uint40", "uint8"]
        data = self._call(_HOLDER + encode(["address"], [account]), at)
        balance, frozen_amount, country, expiry, flags = _decode(types, data)
        return HolderState(
            balance=balance,
            frozen_amount=frozen_amount,
            country=country,
            kyc_expiry=expiry,
            permitted=bool(flags & PERMITTED),
            frozen=bool(flags & FROZEN),
            protocol=bool(flags & PROTOCOL),
        )

    def reserves(self, *, at: BlockTag = "latest") -> Reserves:
        """Supply, attested cap and its age limit."""
        types = ["uint96", "uint96", "uint40", "uint16", "uint8"]
        supply, cap, as_of, minutes, flags = _decode(types, self._call(_RESERVES, at))
        return Reserves(
            supply=supply,
            cap=cap,
            as_of=as_of,
            max_age=minutes * 60,
            mint_paused=bool(flags & PAUSE_MINT),
            transfer_paused=bool(flags & PAUSE_TRANSFER),
        )

    def _call(self, data: bytes, at: BlockTag) -> bytes:
        return self.chain.call(to=self.address, data=data, at=at)

    def _int(self, data: bytes, at: BlockTag) -> int:
        answer = self._call(data, at)
        if len(answer) != _WORD:  # no code at the address, or another contract
            raise CallReverted("NotThisToken", (self.address,), answer)
        return int.from_bytes(answer)


def checksummed(address: str) -> str:
    """The EIP-55 spelling of an address."""
    return to_checksum_address(address)


def _decode(types: list[str], data: bytes) -> tuple[int, ...]:
    if len(data) != _WORD * len(types):
        raise CallReverted("NotThisToken", (), data)
    return tuple(decode(types, data))


def _rows(orders: Sequence[OrderItem]) -> bytes:
    """What eth_abi would write for one ``_ORDERS``, at a fiftieth of its cost for a full batch.

    The place of the list, its length, and three words for each order. Raises OverflowError for what
    is wider than its type, ValueError for what is no address.
    """
    words = [_word(32), _word(len(orders))]
    for order in orders:
        account = bytes.fromhex(order.account.removeprefix("0x"))
        if len(account) != ADDRESS_BYTES:
            raise ValueError(f"{order.account} is no address")
        words += [
            order.order_id.to_bytes(8, "big").rjust(32, b"\0"),
            account.rjust(32, b"\0"),
            order.amount.to_bytes(12, "big").rjust(32, b"\0"),
        ]
    return b"".join(words)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _flags(holder: HolderEntry) -> int:
    return (PERMITTED if holder.permitted else 0) | (PROTOCOL if holder.protocol else 0)
