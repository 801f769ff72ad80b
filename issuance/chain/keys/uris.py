"""The names of keys that lie elsewhere, as SIGNER_BACKENDS gives them, and the clients behind them.

``awskms:KEY[?region=R&endpoint=URL]`` (id, ARN or alias), ``gcpkms:RESOURCE[?endpoint=URL]`` (a key
version), ``web3signer:URL[?ca=FILE&cert=FILE&key=FILE]``.
"""

import re
from typing import Final
from urllib.parse import parse_qsl

from issuance.chain.errors import SignerMisconfigured
from issuance.chain.keys import aws, gcp
from issuance.chain.keys.transport import Transport
from issuance.chain.keys.web3signer import Web3SignerKey
from issuance.chain.signer import Key

KEYSTORE: Final = "keystore"
_OPTIONS: Final = {
    "awskms": frozenset({"region", "endpoint"}),
    "gcpkms": frozenset({"endpoint"}),
    "web3signer": frozenset({"ca", "cert", "key"}),
}
_ARN: Final = re.compile(r"arn:[^:]+:kms:(?P<region>[^:]+):")
_VERSION: Final = re.compile(
    r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+/cryptoKeyVersions/\d+"
)


def key_at(uri: str, *, address: str) -> Key:
    """The key a URI names. Raises SignerMisconfigured, which shows no more of it than its kind."""
    kind, _, rest = uri.partition(":")
    if kind not in _OPTIONS:
        raise SignerMisconfigured(f"{address}: no such kind of key as {kind[:20]!r}")
    name, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - _OPTIONS[kind])
    if not name or unknown:
        raise SignerMisconfigured(f"{address}: {kind}: {', '.join(unknown) or 'no key is named'}")
    if kind == "awskms":
        return _aws(address, name, options)
    if kind == "gcpkms":
        return _gcp(address, name, options)
    return Web3SignerKey(address, transport=Transport(name, label=kind, files=options))


def _aws(address: str, name: str, options: dict[str, str]) -> Key:
    named = _ARN.match(name)
    region = options.get("region") or (named["region"] if named else None)
    client = aws.connect(region=region, endpoint=options.get("endpoint"))
    return aws.AwsKey(address, name, client=client)


def _gcp(address: str, name: str, options: dict[str, str]) -> Key:
    if not _VERSION.fullmatch(name):
        raise SignerMisconfigured(f"{address}: gcpkms: names no key version")
    transport = Transport(options.get("endpoint", gcp.ENDPOINT), label="Cloud KMS")
    return gcp.GcpKey(address, name, transport=transport, token=gcp.token_source())
