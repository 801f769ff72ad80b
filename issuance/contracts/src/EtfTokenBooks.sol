// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {HolderWord} from "./HolderWord.sol";
import {IEtfToken} from "./IEtfToken.sol";

/// @title Where the token keeps what it knows, and the questions asked of it everywhere.
/// @dev ERC-7201: fields are only ever added at the end of EtfTokenStorage.
abstract contract EtfTokenBooks is IEtfToken {
    uint256 internal constant PERMITTED = 1;
    uint256 internal constant FROZEN = 2;
    uint256 internal constant PROTOCOL = 4;

    uint8 internal constant PAUSE_MINT = 1;
    uint8 internal constant PAUSE_TRANSFER = 2;
    /// @dev In Book.flags too: a split is ahead, or in force and not attested yet. Kept there so that
    /// a mint reads the split only when there is one.
    uint8 internal constant SPLIT_OPEN = 4;
    uint8 internal constant PAUSES = PAUSE_MINT | PAUSE_TRANSFER;

    /// @dev One token is one share until a split; ERC-8056 counts with 18 decimals.
    uint256 internal constant ONE = 1e18;

    // Reasons to skip an order or refuse an account; OrderRejected publishes them.
    uint8 internal constant NOT_PERMITTED = 1;
    uint8 internal constant IS_FROZEN = 2;
    uint8 internal constant KYC_EXPIRED = 3;
    uint8 internal constant COUNTRY_RESTRICTED = 4;
    uint8 internal constant AMOUNT_IS_ZERO = 5;

    uint256 internal constant COUNTRIES = 1024;

    /// @dev One slot: a mint reads and writes supply, cap and age together.
    struct Book {
        uint96 supply;
        uint96 cap;
        uint40 asOf;
        uint16 maxAgeMinutes;
        uint8 flags;
    }

    /// @dev 256 order ids; consecutive ids share the slot.
    struct Ids {
        uint256 bits;
    }

    /// @dev What one issuer may still mint. It refills evenly, `max` in a day, up to `max`.
    struct Bucket {
        uint96 left;
        uint96 max;
        uint40 since;
    }

    /// @dev Shares per token: `current` until `effectiveAt`, `next` from then on.
    struct Split {
        uint104 current;
        uint104 next;
        uint40 effectiveAt;
    }

    /// @custom:storage-location erc7201:sharemint.EtfToken
    struct EtfTokenStorage {
        Book book;
        mapping(address account => HolderWord) holders;
        mapping(uint256 word => Ids) executed;
        /// By id and holder: nobody can block or stand in for another holder's order id.
        mapping(uint64 orderId => mapping(address account => uint256)) redemptions;
        uint256[4] restricted;
        mapping(address issuer => Bucket) buckets;
        Split split;
        /// What a new issuer may mint in a day.
        uint96 mintLimit;
        mapping(address account => mapping(bytes32 nonce => bool)) authorizations;
    }

    // keccak256(abi.encode(uint256(keccak256("sharemint.EtfToken")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant STORAGE_SLOT = 0xe7d862b5599994dd47796285f8b9af32b73b2462ed173ef967580c2db5406500;

    function _storage() internal pure returns (EtfTokenStorage storage $) {
        assembly {
            $.slot := STORAGE_SLOT
        }
    }

    /// @return 0 when the account may hold, send and receive, else the reason
    function _refusal(EtfTokenStorage storage $, HolderWord account) internal view returns (uint8) {
        uint256 flags = account.flags();
        if (flags & PERMITTED == 0) return NOT_PERMITTED;
        if (flags & FROZEN != 0) return IS_FROZEN;
        if (flags & PROTOCOL == 0 && account.kycExpiry() < block.timestamp) return KYC_EXPIRED;
        if (_isRestricted($, account.country())) return COUNTRY_RESTRICTED;
        return 0;
    }

    /// @dev Countries above 1023 are never written, and the array's bounds hold anyway.
    function _isRestricted(EtfTokenStorage storage $, uint256 country) internal view returns (bool) {
        return ($.restricted[country >> 8] >> (country & 0xff)) & 1 != 0;
    }

    function _isExecuted(EtfTokenStorage storage $, uint64 orderId) internal view returns (bool) {
        return ($.executed[orderId >> 8].bits >> (orderId & 0xff)) & 1 != 0;
    }

    /// @return ids the word an unused id is in
    /// @return bit its place, to be set when the order is executed
    function _unused(EtfTokenStorage storage $, uint64 orderId) internal view returns (Ids storage ids, uint256 bit) {
        ids = $.executed[orderId >> 8];
        bit = 1 << (orderId & 0xff);
        if (ids.bits & bit != 0) revert OrderAlreadyExecuted(orderId);
    }

    /// @return What the bucket holds now.
    function _level(Bucket memory bucket) internal view returns (uint256) {
        uint256 level = bucket.left + uint256(bucket.max) * (block.timestamp - bucket.since) / 1 days;
        return level < bucket.max ? level : bucket.max;
    }

    /// @dev A split in force voids every figure from before it: nobody knows how it was counted.
    function _requireSplitAttested(EtfTokenStorage storage $, uint8 flags) internal view {
        if (flags & SPLIT_OPEN == 0) return;
        uint40 effectiveAt = $.split.effectiveAt;
        if (block.timestamp >= effectiveAt) revert AttestationVoid(effectiveAt);
    }

    function _multiplier(EtfTokenStorage storage $) internal view returns (uint256) {
        Split memory split = $.split;
        return block.timestamp < split.effectiveAt ? split.current : split.next;
    }

    /// @dev The token's own balance is the escrow, and the zero address holds nothing.
    function _requireHolder(address account) internal view {
        if (account == address(0) || account == address(this)) revert HolderInvalid(account);
    }
}
