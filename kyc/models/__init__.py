"""All rows of kyc, by noun."""

from kyc.models.access import AccessEvent
from kyc.models.decisions import Decision, Override, PolicyVersion, store_decisions
from kyc.models.evidence import Check, Document, Fact, Owner
from kyc.models.investors import Investor
from kyc.models.wallets import Wallet, WalletChallenge

__all__ = [
    "AccessEvent",
    "Check",
    "Decision",
    "Document",
    "Fact",
    "Investor",
    "Override",
    "Owner",
    "PolicyVersion",
    "Wallet",
    "WalletChallenge",
    "store_decisions",
]
