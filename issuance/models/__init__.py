"""All rows of issuance, by noun."""

from issuance.models.announcements import Announcement
from issuance.models.attempts import Attempt
from issuance.models.bindings import ChainTransactionHolder, ChainTransactionOrder
from issuance.models.blocks import BlockHead, Reorg, Rewind, VanishedLog
from issuance.models.gates import NetworkGate
from issuance.models.holders import Holder
from issuance.models.holdings import Holding
from issuance.models.holds import Hold, TransferStop
from issuance.models.moves import Move
from issuance.models.nodes import GasAccount, NetworkLook, NodeScore
from issuance.models.orders import Order
from issuance.models.positions import ChainCursor, SupplySnapshot, TokenLog
from issuance.models.recoveries import Fence, Recovery
from issuance.models.signers import Signer
from issuance.models.tokens import Token
from issuance.models.transactions import ChainTransaction
from issuance.models.troubles import Trouble

__all__ = [
    "Announcement",
    "Attempt",
    "BlockHead",
    "ChainCursor",
    "ChainTransaction",
    "ChainTransactionHolder",
    "ChainTransactionOrder",
    "Fence",
    "GasAccount",
    "Hold",
    "Holder",
    "Holding",
    "Move",
    "NetworkGate",
    "NetworkLook",
    "NodeScore",
    "Order",
    "Recovery",
    "Reorg",
    "Rewind",
    "Signer",
    "SupplySnapshot",
    "Token",
    "TokenLog",
    "TransferStop",
    "Trouble",
    "VanishedLog",
]
