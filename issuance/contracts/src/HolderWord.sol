// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A holder in one storage word, paid for once, at onboarding:
/// flags u8 | kycExpiry u40 | country u16 | frozen u96 | balance u96, lowest bits last.
/// @dev Packed by hand because the balance in the lowest bits makes a mint one addition. u96 holds
/// 79 billion shares; callers keep every balance and every sum of balances under that.
type HolderWord is uint256;

using HolderWords for HolderWord global;

library HolderWords {
    uint256 private constant UNITS = type(uint96).max;
    uint256 private constant BALANCE_AND_FROZEN = type(uint192).max;

    uint256 private constant FROZEN_AT = 96;
    uint256 private constant COUNTRY_AT = 192;
    uint256 private constant EXPIRY_AT = 208;
    uint256 private constant FLAGS_AT = 248;

    function balance(HolderWord self) internal pure returns (uint256) {
        return HolderWord.unwrap(self) & UNITS;
    }

    function frozen(HolderWord self) internal pure returns (uint256) {
        return (HolderWord.unwrap(self) >> FROZEN_AT) & UNITS;
    }

    function country(HolderWord self) internal pure returns (uint256) {
        return (HolderWord.unwrap(self) >> COUNTRY_AT) & type(uint16).max;
    }

    function kycExpiry(HolderWord self) internal pure returns (uint256) {
        return (HolderWord.unwrap(self) >> EXPIRY_AT) & type(uint40).max;
    }

    function flags(HolderWord self) internal pure returns (uint256) {
        return HolderWord.unwrap(self) >> FLAGS_AT;
    }

    /// @notice The balance that is not frozen.
    function available(HolderWord self) internal pure returns (uint256) {
        uint256 held = self.balance();
        uint256 stuck = self.frozen();
        return held > stuck ? held - stuck : 0;
    }

    /// @dev The sum must fit u96: the caller keeps the supply under a u96 cap.
    function credited(HolderWord self, uint256 amount) internal pure returns (HolderWord) {
        unchecked {
            return HolderWord.wrap(HolderWord.unwrap(self) + amount);
        }
    }

    /// @dev The amount must be at most the balance: the caller has compared.
    function debited(HolderWord self, uint256 amount) internal pure returns (HolderWord) {
        unchecked {
            return HolderWord.wrap(HolderWord.unwrap(self) - amount);
        }
    }

    function withFrozen(HolderWord self, uint96 amount) internal pure returns (HolderWord) {
        return HolderWord.wrap((HolderWord.unwrap(self) & ~(UNITS << FROZEN_AT)) | (uint256(amount) << FROZEN_AT));
    }

    function withFlags(HolderWord self, uint256 value) internal pure returns (HolderWord) {
        return HolderWord.wrap((HolderWord.unwrap(self) & ((1 << FLAGS_AT) - 1)) | (value << FLAGS_AT));
    }

    function withStanding(HolderWord self, uint256 country_, uint256 kycExpiry_, uint256 flags_)
        internal
        pure
        returns (HolderWord)
    {
        return HolderWord.wrap(
            (HolderWord.unwrap(self) & BALANCE_AND_FROZEN) | (country_ << COUNTRY_AT) | (kycExpiry_ << EXPIRY_AT)
                | (flags_ << FLAGS_AT)
        );
    }
}
