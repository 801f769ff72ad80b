"""The portal's pages for custody: funds, accounts, the ledger, movements, statements and breaks."""

from custody.admin import evidence, funds, ledger, messages, movements

__all__ = ["evidence", "funds", "ledger", "messages", "movements"]
