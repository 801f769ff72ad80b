"""All rows of issuance, by noun."""

from issuance.models.attempts import Attempt
from issuance.models.bindings import ChainTransactionHolder, ChainTransactionOrder
from issuance.models.holders import Holder
from issuance.models.orders import Order
from issuance.models.positions import ChainCursor, SupplySnapshot, TokenLog
from issuance.models.signers import Signer
from issuance.models.tokens import Token
from issuance.models.transactions import ChainTransaction

__all__ = [
    "Attempt",
    "ChainCursor",
    "ChainTransaction",
    "ChainTransactionHolder",
    "ChainTransactionOrder",
    "Holder",
    "Order",
    "Signer",
    "SupplySnapshot",
    "Token",
    "TokenLog",
]
