"""The only code that speaks to a chain: encoding, signing, sending and reading, never deciding."""
