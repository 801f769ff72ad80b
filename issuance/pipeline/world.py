"""What the pipeline needs of the outside: a chain per network, a key per signer, the custodian."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone

from core.units import Units
from custody import queries as custody_queries
from custody.models import CustodyAccount
from custody.providers import registry as registry_of_custodians
from custody.providers.custodian import AttestationRequest, CustodianRefused
from custody.providers.custodian import CustodianUnavailable as ProviderUnavailable
from issuance.chain import registry
from issuance.chain import types as chain
from issuance.models import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationWanted:
    """What a custodian is asked to vouch for; it may sign for fewer ``shares`` (units)."""

    token_id: uuid.UUID
    account_id: uuid.UUID
    symbol: str
    token_name: str
    chain_id: int
    contract: str
    shares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFigure:
    """A custodian's answer, not verified yet. ``as_of`` in Unix seconds, the rest 0x-hex."""

    shares: int
    as_of: int
    report: str
    report_hash: str
    signature: str


class CustodianUnavailable(Exception):
    """The custodian did not answer, or not with a figure."""

    code = "custodian_unavailable"


@dataclass(frozen=True, slots=True)
class World:
    """The outside as functions, so that a test can hand in its own."""

    chain_for: Callable[[str], chain.Chain]
    key_for: Callable[[str], chain.Signer]
    attest: Callable[[AttestationWanted], SignedFigure]

    def chain_of(self, token: Token) -> chain.Chain:
        """The chain a token lives on."""
        return self.chain_for(token.network)


def from_settings() -> World:
    """The configured nodes, keystores and custodian."""
    return World(chain_for=registry.client_for, key_for=registry.signer_for, attest=_ask_custodian)


def _ask_custodian(wanted: AttestationWanted) -> SignedFigure:
    account = CustodyAccount.objects.select_related("custodian").get(pk=wanted.account_id)
    fund = custody_queries.fund_by_symbol(wanted.symbol)
    request = AttestationRequest(
        isin=custody_queries.isin_of(fund_id=fund.pk, on=timezone.now().date()),
        chain_id=wanted.chain_id,
        contract=wanted.contract,
        token_name=wanted.token_name,
        shares=Units(wanted.shares),
    )
    try:
        signed = registry_of_custodians.client_for(account.custodian.code).attest(request)
    except (LookupError, ProviderUnavailable, CustodianRefused) as silence:
        raise CustodianUnavailable(wanted.symbol) from silence
    return SignedFigure(
        shares=signed.shares,
        as_of=signed.as_of,
        report=signed.report,
        report_hash=signed.report_hash,
        signature=signed.signature,
    )
