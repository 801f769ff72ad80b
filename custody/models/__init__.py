"""All rows of custody, by noun."""

from custody.models.accounts import Custodian, CustodyAccount
from custody.models.evidence import Attestation, Break, ChainCap, ChainSupply
from custody.models.funds import Fund, FundIdentifier
from custody.models.ledger import LedgerAccount, LedgerTransfer
from custody.models.messages import Confirmation, Message, Statement, StatementLine
from custody.models.movements import Delivery, Deposit

__all__ = [
    "Attestation",
    "Break",
    "ChainCap",
    "ChainSupply",
    "Confirmation",
    "Custodian",
    "CustodyAccount",
    "Delivery",
    "Deposit",
    "Fund",
    "FundIdentifier",
    "LedgerAccount",
    "LedgerTransfer",
    "Message",
    "Statement",
    "StatementLine",
]
