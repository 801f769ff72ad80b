"""Custody over HTTP: funds, positions, deposits and deliveries of the caller's institution."""
