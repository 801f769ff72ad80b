"""Which of the supported formats a file is in."""

from custody.providers import canonical_csv
from custody.providers.files import FormatUnknown, ParsedFile


def parse(raw: bytes) -> ParsedFile:
    """Read a file in any supported format. Raises FileRefused or one of its kinds."""
    if raw.startswith(canonical_csv.MARK):
        return canonical_csv.parse(raw)
    raise FormatUnknown("Supported: canonical CSV, which begins with HDR.")
