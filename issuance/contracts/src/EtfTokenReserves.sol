// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EtfTokenBase} from "./EtfTokenBase.sol";
import {IERC8056, IERC8056Balances, IERC8056Pending} from "./IERC8056.sol";

/// @title The custodian's signed figure, the cap it gives, and splits that change how it is counted.
abstract contract EtfTokenReserves is EtfTokenBase, IERC8056, IERC8056Pending, IERC8056Balances {
    /// @notice The EIP-712 struct the custodian signs. Domain: name = the token's name,
    /// version = "1", chainId, verifyingContract = the proxy.
    bytes32 public constant ATTESTATION_TYPEHASH =
        keccak256("Attestation(uint256 shares,uint40 asOf,bytes32 reportHash)");

    /// @notice Relay the custodian's signed figure of settled shares; anyone may send it.
    function attest(uint256 shares, uint40 asOf, bytes32 reportHash, address attestor, bytes calldata signature)
        external
    {
        EtfTokenStorage storage $ = _storage();
        Book memory book = $.book;
        if (!hasRole(ATTESTOR, attestor)) revert NotAttestor(attestor);
        if (asOf <= book.asOf) revert AttestationNotNewer(asOf, book.asOf);
        if (asOf > block.timestamp) revert AttestationFromFuture(asOf, block.timestamp);
        if (shares > type(uint96).max) revert AttestationTooLarge(shares);
        _requireSigned(attestor, keccak256(abi.encode(ATTESTATION_TYPEHASH, shares, asOf, reportHash)), signature);
        if (asOf >= $.split.effectiveAt) book.flags &= PAUSES;
        _requireSplitAttested($, book.flags);
        uint256 cap = shares * ONE / _multiplier($);
        if (cap > type(uint96).max) revert AttestationTooLarge(shares);
        // forge-lint: disable-next-line(unsafe-typecast)
        book.cap = uint96(cap); // checked above
        book.asOf = asOf;
        $.book = book;
        emit Attested(attestor, shares, asOf, reportHash);
        if (book.supply > cap) emit ReserveDeficit(book.supply, cap);
    }

    /// @notice Supply, attested cap, when it held, and how old it may be at a mint.
    function reserves()
        external
        view
        returns (uint96 supply, uint96 cap, uint40 asOf, uint16 maxAgeMinutes, uint8 pauseFlags)
    {
        Book storage book = _storage().book;
        return (book.supply, book.cap, book.asOf, book.maxAgeMinutes, book.flags & PAUSES);
    }

    function setMaxAge(uint16 maxAgeMinutes) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setMaxAge(maxAgeMinutes);
    }

    /// @notice Schedule how many shares (18 decimals) one token stands for from a time on. A change
    /// ahead is replaced; one in force must be attested before the next. Who can set it can raise the
    /// cap, hence the admin, which is a timelock.
    function setUIMultiplier(uint256 multiplier, uint256 time) external onlyRole(DEFAULT_ADMIN_ROLE) {
        EtfTokenStorage storage $ = _storage();
        if (multiplier == 0 || multiplier > type(uint104).max) revert MultiplierInvalid(multiplier);
        if (time <= block.timestamp || time > type(uint40).max) revert SplitTimeInvalid(time);
        _requireSplitAttested($, $.book.flags);
        uint256 current = _multiplier($);
        // forge-lint: disable-next-line(unsafe-typecast)
        $.split = Split(uint104(current), uint104(multiplier), uint40(time)); // checked above
        $.book.flags |= SPLIT_OPEN;
        emit UIMultiplierUpdated(current, multiplier, time);
    }

    function uiMultiplier() external view returns (uint256) {
        return _multiplier(_storage());
    }

    function newUIMultiplier() external view returns (uint256) {
        return _storage().split.next;
    }

    function effectiveAt() external view returns (uint256) {
        return _storage().split.effectiveAt;
    }

    function balanceOfUI(address account) external view returns (uint256) {
        return balanceOf(account) * _multiplier(_storage()) / ONE;
    }

    function totalSupplyUI() external view returns (uint256) {
        return totalSupply() * _multiplier(_storage()) / ONE;
    }

    function _setMaxAge(uint16 maxAgeMinutes) internal {
        if (maxAgeMinutes == 0) revert MaxAgeInvalid();
        _storage().book.maxAgeMinutes = maxAgeMinutes;
        emit MaxAgeSet(maxAgeMinutes);
    }
}
