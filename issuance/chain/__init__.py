"""The only package that speaks to an EVM chain."""
