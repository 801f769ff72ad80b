// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What EtfToken adds to ERC-20: orders, holders, the attested cap, and their events.
/// @notice From these events alone a reader can rebuild every order and every holder.
interface IEtfToken {
    /// @param orderId one number per order and token, consumed at most once by a mint or a burn
    /// @param account who receives the minted tokens, or whose escrow is burned
    /// @param amount raw units (10^-18 share)
    struct Order {
        uint64 orderId;
        address account;
        uint96 amount;
    }

    /// @param country ISO 3166-1 numeric, 1..1023
    /// @param kycExpiry last second at which the holder may move tokens
    /// @param flags bit 0 permitted, bit 2 protocol (a pool or omnibus wallet: no KYC expiry).
    ///        Bit 1, frozen, is written by setAddressFrozen only.
    struct HolderEntry {
        address account;
        uint16 country;
        uint40 kycExpiry;
        uint8 flags;
    }

    struct RoleGrant {
        bytes32 role;
        address account;
    }

    event OrderMinted(uint64 indexed orderId, address indexed account, uint256 amount);
    /// @param reason 1 not permitted, 2 frozen, 3 KYC expired, 4 country restricted, 5 amount zero
    event OrderRejected(uint64 indexed orderId, address indexed account, uint8 reason);
    event RedeemRequested(uint64 indexed orderId, address indexed account, uint256 amount);
    event OrderBurned(uint64 indexed orderId, address indexed account, uint256 amount);
    /// @notice A lost wallet's tokens and freezes went to another wallet of the same holder; the lost one
    /// is frozen and may hold nothing any more.
    event OrderRecovered(
        uint64 indexed orderId, address indexed lost, address indexed account, uint256 amount, uint256 frozen
    );
    event RedeemCancelled(uint64 indexed orderId, address indexed account, uint256 amount);
    event Attested(address indexed attestor, uint256 shares, uint40 asOf, bytes32 reportHash);
    /// @notice The custodian attests fewer shares than there are tokens; nothing mints until it ends.
    event ReserveDeficit(uint256 supply, uint256 cap);
    event HolderSet(address indexed account, uint16 country, uint40 kycExpiry, uint8 flags);
    event AddressFrozen(address indexed account, bool indexed isFrozen, address indexed by);
    event CountryRestricted(uint16 indexed country, bool restricted);
    event MaxAgeSet(uint16 maxAgeMinutes);
    /// @param limit what the issuer may mint in a day, in raw units
    event MintLimitSet(address indexed issuer, uint256 limit);
    /// @param flags bit 0 minting, bit 1 transfers and redeem requests
    event PauseSet(uint8 flags, address indexed by);

    error OrderAlreadyExecuted(uint64 orderId);
    error CapExceeded(uint64 orderId, uint256 supply, uint256 cap);
    error AttestationStale(uint40 asOf, uint256 maxAge);
    error AttestationNotNewer(uint40 asOf, uint40 latest);
    error AttestationFromFuture(uint40 asOf, uint256 blockTime);
    error AttestationTooLarge(uint256 shares);
    /// @notice A split took effect and no figure from after it has arrived.
    error AttestationVoid(uint40 effectiveAt);
    error MultiplierInvalid(uint256 multiplier);
    error SplitTimeInvalid(uint256 effectiveAt);
    error MintLimitExceeded(address issuer, uint256 amount, uint256 available);
    error SignatureExpired(uint256 deadline);
    error AuthorizationNotYetValid(uint256 validAfter);
    error AuthorizationExpired(uint256 validBefore);
    error AuthorizationUsedOrCanceled(address authorizer, bytes32 nonce);
    error CallerMustBePayee(address payee);
    error NotAttestor(address account);
    error SignatureInvalid(address signer);
    error AmountZero();
    error RedemptionExists(uint64 orderId, address account);
    /// @notice The escrow under this id and holder is not what the caller expects.
    error RedemptionMismatch(uint64 orderId, address account, uint256 escrowed);
    error HolderInvalid(address account);
    error CountryInvalid(uint16 country);
    error MintIsPaused();
    error TransferIsPaused();
    error LengthsDiffer();
    error PauseInvalid(uint8 flags);
    error MaxAgeInvalid();
    /// @notice Nobody may both mint and attest what may be minted.
    error RolesConflict(address account);
}
