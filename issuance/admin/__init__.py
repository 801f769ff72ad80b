"""The portal's pages for issuance: orders, chain transactions, holders, tokens and signers."""

from issuance.admin import holders, orders, tokens, transactions

__all__ = ["holders", "orders", "tokens", "transactions"]
