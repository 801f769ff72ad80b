"""The portal's pages for kyc: investor review, wallets, decisions, policies and refused access."""

from kyc.admin import access, decisions, investors, wallets

__all__ = ["access", "decisions", "investors", "wallets"]
