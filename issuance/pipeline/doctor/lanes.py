"""The doctor on the lanes of one network: keys, gas, nonces, and what stands at the front."""

from collections.abc import Callable
from datetime import datetime, timedelta

from issuance import queries
from issuance.chain.client import ChainClient
from issuance.chain.errors import (
    ChainError,
    FeeCeilingReached,
    GasAccountEmpty,
    SignerError,
    WrongSignature,
)
from issuance.chain.signing import verify_signed
from issuance.chain.standards import ERC3643
from issuance.chain.types import Fees, UnsignedCall
from issuance.chain.types import Signer as Key
from issuance.models import ChainTransaction, Signer
from issuance.pipeline.doctor.findings import Finding, Weight
from issuance.states import SignerRole

# A full transaction at the ceiling of the day; below ten of them somebody should send gas.
GAS_OF_ONE = 3_000_000
RESERVE_TRANSACTIONS = 10
STUCK_AFTER = timedelta(minutes=5)
LANE_HALTED = "lane_halted"
NONCE_AHEAD = "nonce_ahead"
NONCE_GAP = "nonce_gap"
STUCK_NONCE = "stuck_nonce"
SIGNER_MISSING = "signer_missing"


def examine_lanes(
    network: str,
    client: ChainClient,
    *,
    key_for: Callable[[str], Key] | None,
    now: datetime,
) -> list[Finding]:
    """Every lane of a network. ``key_for`` None leaves the keys alone: they live elsewhere."""
    signers = list(Signer.objects.filter(network=network).order_by("role", "address"))
    played = {signer.role for signer in signers}
    found = [_missing(network, role) for role in _needed(network) if role not in played]
    for signer in signers:
        found += _halted(signer)
        found += _stuck(signer, now=now)
        try:
            found += _nonces(signer, client)
            if is_idle(signer):
                continue  # Nobody needs its gas or signature, and its key may be gone by now.
            found += _gas(signer, client)
            found += _key(signer, client, key_for) if key_for is not None else []
        except ChainError:
            continue  # The nodes have findings of their own.
    return found


def _needed(network: str) -> list[SignerRole]:
    """The roles that tokens there need; an issuer's own ERC-3643 token is not paused by us."""
    standards = set(queries.tokens().filter(network=network).values_list("standard", flat=True))
    return [each for each in SignerRole if each != SignerRole.PAUSER or standards != {ERC3643}]


def is_replaced(signer: Signer) -> bool:
    """Whether it is halted and another key does its work."""
    others = Signer.objects.filter(chain_id=signer.chain_id, role=signer.role, halted=False)
    return signer.halted and others.exists()


def is_idle(signer: Signer) -> bool:
    """Whether it is replaced and nothing that it numbered is under way: retired, or about to be."""
    return is_replaced(signer) and not queries.unfinished(signer=signer).exists()


def lane_name(signer: Signer) -> str:
    """How a person calls it."""
    return f"{signer.role.lower()} {signer.address}"


def _missing(network: str, role: SignerRole) -> Finding:
    return Finding(
        code=SIGNER_MISSING,
        weight=Weight.LOOK if role == SignerRole.PAUSER else Weight.STOPS,
        network=network,
        subject=role.lower(),
        says="No key plays this role here.",
        do=f"Run create_signers or enrol_signer for {network}, then send gas to the address.",
    )


def _halted(signer: Signer) -> list[Finding]:
    if not signer.halted or is_idle(signer):
        return []
    if is_replaced(signer):
        weight = Weight.LOOK
        says = "Another one works; what this one numbered is under way."
        do = "Wait until that is final before its role is revoked and its key disabled."
    else:
        weight = Weight.STOPS
        says = "No other key plays its role."
        do = (
            f"Let it number again (manage.py halt_signer --operator NAME --network {signer.network}"
            f" --address {signer.address} --resume), or take in another key (enrol_signer)."
        )
    return [
        Finding(
            code=LANE_HALTED,
            weight=weight,
            network=signer.network,
            subject=lane_name(signer),
            says=f"This key numbers nothing new: {signer.halted_reason}. {says}",
            do=do,
        )
    ]


def _gas(signer: Signer, client: ChainClient) -> list[Finding]:
    try:
        price = client.fees().max_fee
    except FeeCeilingReached:
        price = client.fee_policy.max_fee
    balance, one = client.balance(signer.address), GAS_OF_ONE * price
    if balance >= one * RESERVE_TRANSACTIONS:
        return []
    return [
        Finding(
            code=GasAccountEmpty.code,
            weight=Weight.STOPS if balance < one else Weight.LOOK,
            network=signer.network,
            subject=lane_name(signer),
            says=f"It holds {balance} wei; one large transaction may cost {one} wei now.",
            do=f"Send at least {one * RESERVE_TRANSACTIONS} wei of the chain's coin to it.",
        )
    ]


def _nonces(signer: Signer, client: ChainClient) -> list[Finding]:
    mined = client.nonce(signer.address, at="latest")
    pending = max(client.nonce(signer.address, at="pending"), mined)
    if pending > signer.next_nonce:
        return [
            Finding(
                code=NONCE_AHEAD,
                weight=Weight.STOPS,
                network=signer.network,
                subject=lane_name(signer),
                says=f"The chain has seen nonce {pending - 1}; we gave out up to"
                f" {signer.next_nonce - 1}.",
                do="Lost commits, or a stolen key. Recovery begins by itself; when no failover"
                " explains it, take the role from this key.",
            )
        ]
    lowest = queries.unfinished(signer=signer).first()
    if lowest is None and mined < signer.next_nonce:
        return [
            Finding(
                code=NONCE_GAP,
                weight=Weight.STOPS,
                network=signer.network,
                subject=lane_name(signer),
                says=f"The chain waits for nonce {mined} and no row of ours fills it; the next one"
                f" would be {signer.next_nonce}.",
                do="Wait for finality of the newest; if it stays, begin a recovery by hand.",
            )
        ]
    return []


def _stuck(signer: Signer, *, now: datetime) -> list[Finding]:
    lowest = queries.unfinished(signer=signer).first()
    if lowest is None or now - lowest.created_at < STUCK_AFTER:
        return []
    minutes = int((now - lowest.created_at).total_seconds()) // 60
    return [
        Finding(
            code=STUCK_NONCE,
            weight=Weight.LOOK,
            network=signer.network,
            subject=lane_name(signer),
            says=f"Nonce {lowest.nonce} ({lowest.kind.lower()}, {lowest.public_id}) is"
            f" {lowest.status.lower()} for {minutes} minutes. {_note(lowest)}",
            do="The portal's Stuck work offers the lawful exits: hurry it, or call it off.",
        )
    ]


def _note(row: ChainTransaction) -> str:
    return f"Last: {row.last_note}." if row.last_note else "Nothing was noted."


def _key(signer: Signer, client: ChainClient, key_for: Callable[[str], Key]) -> list[Finding]:
    """Whether the key is there, and signs with this address and nothing else.

    The probe is an empty call to itself at a nonce that is used up: valid nowhere, for ever.
    """
    mined = client.nonce(signer.address, at="latest")
    try:
        key = key_for(signer.address)
        if key.address.lower() != signer.address.lower():
            raise WrongSignature(f"the key at hand is {key.address}")
        if mined:
            probe = UnsignedCall(
                chain_id=signer.chain_id,
                nonce=0,
                to=signer.address,
                data=b"",
                gas=21_000,
                fees=Fees(max_fee=1, tip=1),
            )
            verify_signed(key.sign(probe).raw, unsigned=probe, sender=signer.address)
    except SignerError as refusal:
        # A refusal too: every key with a permission on the chain may use up a nonce.
        return [
            Finding(
                code=refusal.code,
                weight=Weight.STOPS,
                network=signer.network,
                subject=lane_name(signer),
                says=f"No usable signature: {refusal}",
                do="Check key file, password, policy or signing service; nothing was sent.",
            )
        ]
    return []
