"""What a key may sign: chain, contract, function, amounts, gas and price, read from the call itself."""

from dataclasses import dataclass
from typing import Final

from issuance.chain import calldata, erc3643, timelock, token
from issuance.chain.errors import SignerRefused
from issuance.chain.types import UnsignedCall

# EIP-7825: no chain takes a transaction above this.
GAS_MAX: Final = 16_777_216
# An empty transfer of a key to itself; chains that charge for their data there need more than 21,000.
FILL_GAS_MAX: Final = 2_000_000
# Wei per gas: far above any chain's worst hour, far below a slip of three digits.
MAX_FEE_WEI: Final = 20_000 * 10**9
# More rows do not fit under GAS_MAX.
ITEMS_MAX: Final = 1_300

_ROLE_SELECTORS: Final = {
    "ISSUER": token.ISSUER_SELECTORS,
    "COMPLIANCE": token.COMPLIANCE_SELECTORS,
    "PAUSER": token.PAUSER_SELECTORS,
    "ADMIN": token.ADMIN_SELECTORS,
    # Their contract is the timelock, which is the token's admin and upgrader.
    "PROPOSER": timelock.PROPOSER_SELECTORS,
    "EXECUTOR": timelock.EXECUTOR_SELECTORS,
    # At an ERC-3643 token, where one agent's role would allow everything.
    "ERC3643_ISSUER": erc3643.ISSUER_SELECTORS,
    "ERC3643_COMPLIANCE": erc3643.COMPLIANCE_SELECTORS,
}
DEPLOYER: Final = "DEPLOYER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most one call under a permission may do.

    ``units_per_item`` and ``units_per_call`` are raw token units, None where the operator has set no
    limit of his own; ``items`` are rows of one batch; ``gas`` and ``max_fee_wei`` (wei per gas) bound
    what one transaction can cost.
    """

    units_per_item: int | None = None
    units_per_call: int | None = None
    items: int = ITEMS_MAX
    gas: int = GAS_MAX
    max_fee_wei: int = MAX_FEE_WEI


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a key may do: play a role at one contract of one chain, within limits.

    DEPLOYER may create contracts on the chain and has no contract. ``wallet`` belongs to
    ERC3643_ISSUER: the only account whose tokens the key may burn or send away.
    """

    chain_id: int
    role: str
    contract: str | None = None
    wallet: str | None = None
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """What one key may sign. Nothing is allowed that no permission names."""

    permissions: frozenset[Permission]

    def require(self, unsigned: UnsignedCall, *, sender: str) -> None:
        """Raises SignerRefused, with the reason, unless one permission covers the whole call.

        ``sender`` is the key's own address: to it, empty and without value, any key with a permission
        on the chain may use up a nonce.
        """
        if unsigned.value != 0:
            raise SignerRefused("value attached")
        if unsigned.fees.tip > unsigned.fees.max_fee:
            raise SignerRefused("the tip is above the whole price")
        mine = [each for each in self.permissions if each.chain_id == unsigned.chain_id]
        if not mine:
            raise SignerRefused(f"nothing is permitted on chain {unsigned.chain_id}")
        if _fills(unsigned, sender):
            _require_one_within([_as_fill(each) for each in mine], unsigned)
            return
        covering = [each for each in mine if _covers(each, unsigned)]
        if not covering:
            selector = unsigned.data[: calldata.SELECTOR_BYTES].hex()
            raise SignerRefused(f"chain {unsigned.chain_id}, {unsigned.to}, 0x{selector}")
        _require_one_within([each.limits for each in covering], unsigned)


def _fills(unsigned: UnsignedCall, sender: str) -> bool:
    """Whether the call does nothing but use up a nonce."""
    return (
        unsigned.to is not None and unsigned.to.lower() == sender.lower() and unsigned.data == b""
    )


def _as_fill(permission: Permission) -> Limits:
    return Limits(gas=FILL_GAS_MAX, max_fee_wei=permission.limits.max_fee_wei)


def _covers(permission: Permission, unsigned: UnsignedCall) -> bool:
    if permission.role == DEPLOYER:
        return unsigned.to is None
    if unsigned.to is None or permission.contract is None:
        return False
    if permission.role == "ERC3643_ISSUER" and not erc3643.takes_only_from(
        unsigned.data, wallet=permission.wallet
    ):
        return False
    return permission.contract.lower() == unsigned.to.lower() and unsigned.data[
        : calldata.SELECTOR_BYTES
    ] in _ROLE_SELECTORS.get(permission.role, frozenset())


def _require_one_within(limits: list[Limits], unsigned: UnsignedCall) -> None:
    """One permission must allow all of it: two of them are not added up."""
    content = calldata.read(unsigned.data) if unsigned.to is not None else calldata.NOTHING
    objections = [_objection(each, unsigned, content) for each in limits]
    if all(objections):
        raise SignerRefused(objections[0])


def _objection(limits: Limits, unsigned: UnsignedCall, content: calldata.Content) -> str:
    """What exceeds the limits, empty when nothing does."""
    largest, total = max(content.amounts, default=0), sum(content.amounts)
    checks: list[tuple[str, int, int | None]] = [
        ("gas", unsigned.gas, min(limits.gas, GAS_MAX)),
        ("wei per gas", unsigned.fees.max_fee, limits.max_fee_wei),
        ("items", content.items, limits.items),
        ("units in one item", largest, limits.units_per_item),
        ("units in one call", total, limits.units_per_call),
    ]
    for what, wanted, allowed in checks:
        if allowed is not None and wanted > allowed:
            return f"{wanted} {what}, {allowed} at most"
    return ""
