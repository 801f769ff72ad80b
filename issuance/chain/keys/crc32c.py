"""CRC-32C (Castagnoli, RFC 3720 B.4), the checksum of Google's integrity fields."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78


def _table() -> tuple[int, ...]:
    table = []
    for start in range(256):
        value = start
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE: Final = _table()


def crc32c(content: bytes) -> int:
    """The checksum as a non-negative integer below 2^32."""
    value = 0xFFFFFFFF
    for byte in content:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
