"""The HTTP edge of issuance."""
