"""The closed set of things a node, a signer or a contract can answer besides success."""

from core.errors import DomainError


class ChainError(Exception):
    """The chain could not be asked or understood. It never says that something did not happen."""

    code = "chain_error"


class ChainUnreachable(ChainError):
    """No answer: connection refused, timed out, or the answer was not JSON-RPC."""

    code = "chain_unreachable"


class RateLimited(ChainUnreachable):
    """The node wants fewer questions; it said nothing about what was asked."""

    code = "rate_limited"


class ChainAnswerInvalid(ChainError):
    """The node answered something that is not what the method returns."""

    code = "chain_answer_invalid"


class ChainMismatch(ChainError):
    """The node serves another chain than the network is configured for."""

    code = "chain_id_mismatch"


class NoQuorum(ChainError):
    """Too few nodes said the same: what was asked is unknown."""

    code = "no_quorum"


class FinalityDisagreement(ChainError):
    """Two nodes call a block final at one height, with different hashes: one of them lies."""

    code = "finality_disagreement"


class RpcRefused(ChainError):
    """The node answered with a JSON-RPC error that is not a contract's revert."""

    code = "rpc_refused"

    def __init__(self, rpc_code: int, message: str) -> None:
        super().__init__(f"{rpc_code}: {message[:300]}")
        self.rpc_code = rpc_code
        self.message = message[:300]


class CallReverted(ChainError):
    """The contract refused a simulated call. ``name`` is the contract's error, or its selector."""

    code = "call_reverted"

    def __init__(self, name: str, arguments: tuple[object, ...] = (), data: bytes = b"") -> None:
        super().__init__(f"{name}{arguments}")
        self.name = name
        self.arguments = arguments
        self.data = data


class FeeCeilingReached(ChainError):
    """The network asks for more than the configured ceiling."""

    code = "fee_ceiling"


class GasAccountEmpty(ChainError):
    """The sender cannot pay for the gas the transaction may use."""

    code = "gas_account_empty"


class BytecodeMismatch(ChainError):
    """The code at the address is not the code we compiled."""

    code = "bytecode_mismatch"


class RoleMissing(ChainError):
    """The deployed contract's roles are not those that were asked for."""

    code = "role_missing"


class AddressBookDiffers(ChainError):
    """The chain, or a second deployment, is not what the address book says."""

    code = "address_book_differs"


class NotInAddressBook(ChainError):
    """The address book has no such token."""

    code = "not_in_address_book"


class CreationPending(ChainError):
    """No block had a contract's creation in time; the same command waits for the same bytes."""

    code = "creation_pending"


class CreationNotFinal(ChainError):
    """A contract's creation was not final in time; the same command goes on waiting for it."""

    code = "creation_not_final"


class CreationDied(ChainError):
    """A contract's creation can never happen any more; the same command begins another one."""

    code = "creation_dead"


class SignerError(Exception):
    """The signer did not give a signature that may be stored."""

    code = "signer_error"


class KeystoreUnreadable(SignerError):
    """The keystore file is missing, corrupt, or the password does not open it."""

    code = "keystore_unreadable"


class SignerRefused(SignerError):
    """The signer's own policy forbids this chain, contract, function, or fee."""

    code = "signer_refused"


class WrongSignature(SignerError):
    """The signature recovers to another address, or the signed fields are not the requested ones."""

    code = "wrong_signature"


class SignerMisconfigured(SignerError):
    """SIGNER_BACKENDS names no known kind of key, or the library for it is not installed."""

    code = "signer_misconfigured"


class SignerUnreachable(SignerError):
    """The key service cannot be reached, is broken, or did not answer in time; it may soon."""

    code = "signer_unreachable"


class SignerThrottled(SignerError):
    """The key service has had enough requests of ours for now."""

    code = "signer_throttled"


class SignerDenied(SignerError):
    """The key service does not let us in, or not at this key."""

    code = "signer_denied"


class SignerKeyUnusable(SignerError):
    """The key service has no such key, or it is disabled, destroyed, or not for signing."""

    code = "signer_key_unusable"


class SignerKeyMismatch(SignerError):
    """The key lies on another curve than the chain's, or belongs to another address."""

    code = "signer_key_mismatch"


class SignerAnswerInvalid(SignerError):
    """The key service's answer is cut off, garbled, fails its own checksum, or is no signature."""

    code = "signer_answer_invalid"


class NetworkUnknown(DomainError):
    """No node is configured for the network."""

    code = "network_unknown"
    title = "This network is not served."
