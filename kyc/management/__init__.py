"""Commands of kyc."""
