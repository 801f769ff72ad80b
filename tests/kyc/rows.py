"""Rows that kyc's tests start from, made by the services a user would reach them through."""

import uuid
from datetime import UTC, datetime, timedelta

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from core.actors import Actor, ActorKind, system
from core.models import Event, Institution
from kyc import services

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TEST = system("test")
MAKER = Actor(ActorKind.OPERATOR, "1")
CHECKER = Actor(ActorKind.OPERATOR, "2")
NETWORK = "anvil"

SWISS = {
    "residence": "CH",
    "nationality": ["CH"],
    "tax_residence": "CH",
    "bank_country": "CH",
    "phone": "+41446681800",
    "professional": False,
}
MAINLAND = SWISS | {"residence": "CN"}
HK_FUND = {
    "incorporation": "HK",
    "place_of_business": "HK",
    "tax_residence": "HK",
    "bank_country": "HK",
    "professional": True,
}
SG_COMPANY = {
    "incorporation": "SG",
    "place_of_business": "SG",
    "tax_residence": "SG",
    "bank_country": "SG",
}


def make_institution(name="") -> Institution:
    return Institution.objects.create(
        name=name or f"Broker {uuid.uuid4()}", country="CH", created_at=NOW
    )


def make_investor(institution=None, facts=SWISS, *, kind="NATURAL", external_id="", name="Anna M."):
    return services.create_investor(
        institution_id=(institution or make_institution()).pk,
        external_id=external_id or str(uuid.uuid4()),
        kind=kind,
        legal_name=name,
        facts=facts,
        actor=TEST,
        now=NOW,
    )


def submit(investor):
    return services.submit_investor(
        institution_id=investor.institution_id, investor_id=investor.pk, actor=TEST, now=NOW
    )


def approve(investor, now=NOW):
    services.propose_approval(investor_id=investor.pk, actor=MAKER, now=now)
    return services.approve_investor(investor_id=investor.pk, actor=CHECKER, now=now)


def make_approved(institution=None, facts=SWISS, **options):
    investor = make_investor(institution, facts, **options)
    submit(investor)
    return approve(investor)


def add_owner(investor, *, country, share_bps, controls=False, nationality=""):
    return services.add_owner(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        name="Holding",
        kind="ENTITY",
        country=country,
        nationality=nationality,
        share_bps=share_bps,
        controls=controls,
        actor=TEST,
        now=NOW,
    )


def declare(investor, now=NOW, **facts):
    return services.record_facts(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        facts=facts,
        actor=TEST,
        now=now,
    )


def key_of(number: int) -> PrivateKey:
    return PrivateKey(number.to_bytes(32, "big"))


def address_of(key) -> str:
    return str(key.public_key.to_checksum_address())


def sign(key, message):
    body = message.encode()
    digest = keccak(b"\x19Ethereum Signed Message:\n%d%s" % (len(body), body))
    signed = key.sign_msg_hash(digest)
    return (
        "0x"
        + (
            signed.r.to_bytes(32, "big") + signed.s.to_bytes(32, "big") + bytes([signed.v + 27])
        ).hex()
    )


def claim(investor, key, now=NOW, network=NETWORK):
    return services.claim_wallet(
        institution_id=investor.institution_id,
        investor_id=investor.pk,
        network=network,
        address=address_of(key),
        actor=TEST,
        now=now,
    )


def challenge(wallet, now=NOW):
    return services.issue_challenge(
        institution_id=wallet.investor.institution_id, wallet_id=wallet.pk, actor=TEST, now=now
    )


def prove(wallet, key, now=NOW, **changes):
    message = changes.pop("message", None) or challenge(wallet, now).message
    signature = changes.pop("signature", None) or sign(key, message)
    return services.prove_wallet(
        institution_id=wallet.investor.institution_id,
        wallet_id=wallet.pk,
        message=message,
        signature=signature,
        context={},
        actor=TEST,
        now=now,
    )


def make_wallet(investor=None, key=None):
    wallet = claim(investor or make_approved(), key or key_of(7))
    return prove(wallet, key or key_of(7))


YEAR = timedelta(days=365)


def events_of(row):
    """The types of all that was recorded about a row, in order."""
    return list(
        Event.objects.filter(object_id=row.pk).order_by("sequence").values_list("type", flat=True)
    )
