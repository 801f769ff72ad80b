"""EIP-55 spelling of addresses, remembered: the same holders appear in log after log."""

from functools import lru_cache

from eth_utils.address import to_checksum_address

_REMEMBERED = 65_536


@lru_cache(maxsize=_REMEMBERED)
def checksummed(address: str) -> str:
    """The EIP-55 spelling of a hex address. Raises ValueError when it is none."""
    return to_checksum_address(address)
