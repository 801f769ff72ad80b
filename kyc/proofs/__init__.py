"""Proofs of control over an address: the message to sign and the check of its signature."""
