"""The funds of the programme, with their CUSIPs; ISINs follow from them by ISO 6166.

Sources: sponsors' fact sheets; the Grayscale Bitcoin Mini Trust changed its CUSIP with the 1:5
reverse split of 19 November 2024.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FundSeed:
    """One fund. ``cusips`` holds (CUSIP, first day, first day it no longer holds or "")."""

    symbol: str
    name: str
    sponsor: str
    fee_bps: int
    cusips: tuple[tuple[str, str, str], ...]


_LISTED = "2024-01-11"

FUNDS = (
    FundSeed("IBIT", "iShares Bitcoin Trust ETF", "BlackRock", 25, (("46438F101", _LISTED, ""),)),
    FundSeed(
        "FBTC", "Fidelity Wise Origin Bitcoin Fund", "Fidelity", 25, (("315948109", _LISTED, ""),)
    ),
    FundSeed(
        "GBTC", "Grayscale Bitcoin Trust ETF", "Grayscale", 150, (("389637109", _LISTED, ""),)
    ),
    FundSeed(
        "BTC",
        "Grayscale Bitcoin Mini Trust ETF",
        "Grayscale",
        15,
        (("389930108", "2024-07-31", "2024-11-20"), ("389930207", "2024-11-20", "")),
    ),
    FundSeed(
        "ARKB", "ARK 21Shares Bitcoin ETF", "ARK / 21Shares", 21, (("040919102", _LISTED, ""),)
    ),
)
