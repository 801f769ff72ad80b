"""Clients and signers by name, as the settings describe them."""

import os
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from issuance.chain.client import ChainClient
from issuance.chain.errors import KeystoreUnreadable, NetworkUnknown, SignerMisconfigured
from issuance.chain.fees import GWEI, FeePolicy, GasPolicy
from issuance.chain.finality import FinalityPolicy, policy_of
from issuance.chain.keys.uris import KEYSTORE, key_at
from issuance.chain.keystore import read_keystore
from issuance.chain.policy_file import PolicyFile
from issuance.chain.signer import LocalSigner, PolicedSigner

_FEE_CEILING_GWEI = 500
_CLIENTS_MAX = 64
_SIGNERS_MAX = 64


def networks() -> list[str]:
    """The networks that are served."""
    return sorted(settings.CHAIN_RPC_URLS)


def chain_id_of(network: str) -> int:
    """A network's chain id. Raises NetworkUnknown."""
    try:
        return int(settings.CHAIN_IDS[network])
    except KeyError as error:
        raise NetworkUnknown(network, field="/network") from error


def client_for(network: str) -> ChainClient:
    """The client of a network, one per process. Raises NetworkUnknown."""
    urls = settings.CHAIN_RPC_URLS.get(network)
    if not urls:
        raise NetworkUnknown(network, field="/network")
    return _configured(network, tuple(urls))


def single_nodes(network: str) -> list[ChainClient]:
    """A network's nodes, each as a client by itself: to tell which one errs. Raises NetworkUnknown."""
    return [_configured(network, (url,)) for url in settings.CHAIN_RPC_URLS.get(network, [])]


def gas_policy(network: str) -> GasPolicy:
    """What may be spent on a network, and below what a signer rests."""
    return GasPolicy(
        budget_wei=settings.CHAIN_GAS_BUDGETS_WEI.get(network, 0),
        floor_wei=settings.CHAIN_GAS_FLOORS_WEI.get(network, GasPolicy().floor_wei),
    )


def signer_for(address: str) -> PolicedSigner:
    """The signer that holds an address's key, wherever SIGNER_BACKENDS says it lies.

    An address that is not named there has a key file. Raises KeystoreUnreadable or
    SignerMisconfigured; a key service is first asked when something is signed.
    """
    uri = backend_of(address)
    if uri is not None:
        return _remote(keystore_directory(), address.lower(), uri)
    return _signer(keystore_directory(), address.lower(), _password())


def backend_of(address: str) -> str | None:
    """The URI of the key service that holds an address's key; None for a key file.

    Raises SignerMisconfigured.
    """
    named = settings.SIGNER_BACKENDS
    if not isinstance(named, dict) or not all(isinstance(each, str) for each in named.values()):
        raise SignerMisconfigured("SIGNER_BACKENDS is not an object of address and URI")
    uris = {each.lower(): uri for each, uri in named.items()}
    uri = uris.get(address.lower(), KEYSTORE)
    return None if uri.partition(":")[0] == KEYSTORE else uri


def policy_file() -> PolicyFile:
    """The list of what each key may sign."""
    return PolicyFile(keystore_directory())


def keystore_directory() -> Path:
    """Where the key files are. Raises KeystoreUnreadable when the settings name no place."""
    if not settings.SIGNER_KEYSTORES:
        raise KeystoreUnreadable("SIGNER_KEYSTORES is not set")
    return Path(settings.SIGNER_KEYSTORES)


def _password() -> str:
    try:
        return Path(settings.SIGNER_PASSWORD_FILE).read_text().strip()
    except OSError as error:
        raise KeystoreUnreadable("SIGNER_PASSWORD_FILE cannot be read") from error


def _configured(network: str, urls: tuple[str, ...]) -> ChainClient:
    chain_id = chain_id_of(network)
    ceiling = settings.CHAIN_FEE_CEILINGS_GWEI.get(network, _FEE_CEILING_GWEI)
    return _client(
        network,
        urls,
        chain_id,
        FeePolicy(max_fee=int(ceiling * GWEI)),
        policy_of(
            chain_id,
            depth=settings.CHAIN_FINALITY_DEPTHS.get(network),
            stall_seconds=settings.CHAIN_FINALITY_STALL_SECONDS.get(network),
        ),
    )


@lru_cache(maxsize=_CLIENTS_MAX)
def _client(
    network: str, urls: tuple[str, ...], chain_id: int, fees: FeePolicy, finality: FinalityPolicy
) -> ChainClient:
    return ChainClient(network, urls, chain_id, fee_policy=fees, finality=finality)


# Opening a key file costs a good part of a second on purpose.
@lru_cache(maxsize=_SIGNERS_MAX)
def _signer(directory: Path, address: str, password: str) -> LocalSigner:
    return LocalSigner(
        read_keystore(directory, address, password=password), policies=PolicyFile(directory)
    )


@lru_cache(maxsize=_SIGNERS_MAX)
def _remote(directory: Path, address: str, uri: str) -> PolicedSigner:
    return PolicedSigner(address, key_at(uri, address=address), policies=PolicyFile(directory))


# A forked worker must not share its parent's connections.
os.register_at_fork(after_in_child=_client.cache_clear)
os.register_at_fork(after_in_child=_remote.cache_clear)
