"""The portal's pages for issuance: orders, chain transactions, holders, holds, tokens and signers."""

from issuance.admin import holders, holds, orders, tokens, transactions

__all__ = ["holders", "holds", "orders", "tokens", "transactions"]
