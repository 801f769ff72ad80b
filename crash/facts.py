"""Constants that several processes of the campaign share, without Django."""

from eth_utils.crypto import keccak

SLOTS_IN_AN_EPOCH = 2
# anvil calls final what lies two epochs behind the head; no reorganisation goes deeper.
FINALITY_BLOCKS = 2 * SLOTS_IN_AN_EPOCH
BLOCK_SECONDS = 0.25


def selector(signature: str) -> str:
    """The first four bytes of a call, as hex."""
    return f"0x{keccak(text=signature)[:4].hex()}"


def topic(signature: str) -> str:
    """What an event is found by."""
    return f"0x{keccak(text=signature).hex()}"


ORDER_MINTED = topic("OrderMinted(uint64,address,uint256)")
ORDER_BURNED = topic("OrderBurned(uint64,address,uint256)")
CONTROL_MINTED = topic("ControlMinted(uint64,address,uint256)")
