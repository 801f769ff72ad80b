"""The portal's pages for issuance: orders, moves, chain transactions, holders, holds, tokens and signers."""

from issuance.admin import holders, holds, moves, orders, tokens, transactions

__all__ = ["holders", "holds", "moves", "orders", "tokens", "transactions"]
