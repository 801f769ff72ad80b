"""Which of the supported formats a file is in."""

from custody.providers import canonical_csv
from custody.providers.files import FileTooLarge, FormatUnknown, ParsedFile

FILE_BYTES_MAX = 2_000_000


def parse(raw: bytes) -> ParsedFile:
    """Read a file in any supported format. Raises FileRefused or one of its kinds."""
    if len(raw) > FILE_BYTES_MAX:
        raise FileTooLarge(f"A file has at most {FILE_BYTES_MAX} bytes.")
    if raw.startswith(canonical_csv.MARK):
        return canonical_csv.parse(raw)
    raise FormatUnknown("Supported: canonical CSV, which begins with HDR.")
