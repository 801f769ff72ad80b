"""The HTTP edge of kyc."""
