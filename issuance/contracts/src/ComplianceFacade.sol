// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EtfToken} from "./EtfToken.sol";
import {IEtfToken} from "./IEtfToken.sol";
import {IERC3643Compliance, IERC3643IdentityRegistry} from "./IERC3643.sol";

/// @title One token's register and rules under the names of ERC-3643, for tools that know only those.
/// @notice It keeps nothing: every answer is read from the token, every change is written there. To
/// write it needs the token's COMPLIANCE role, and lets only holders of that role write through it.
/// @dev Identity contracts (ONCHAINID) are not kept: an account that is known is its own identity.
contract ComplianceFacade is IERC3643IdentityRegistry, IERC3643Compliance {
    uint256 private constant PERMITTED = 1;
    uint256 private constant PROTOCOL = 4;

    EtfToken public immutable TOKEN;
    /// @notice How long the KYC of an account counts that is registered here; ERC-3643 names no expiry.
    uint40 public immutable KYC_SECONDS;

    /// @notice The token has no such part, or moves it by other means.
    error NotSupported();
    /// @notice Identity contracts are not kept here.
    error IdentityNotKept(address identity);
    error NotCompliance(address account);
    error LengthsDiffer();
    error AccountUnknown(address account);

    constructor(EtfToken token, uint40 kycSeconds) {
        TOKEN = token;
        KYC_SECONDS = kycSeconds;
        emit TokenBound(address(token));
    }

    modifier onlyCompliance() {
        if (!isAgent(msg.sender)) revert NotCompliance(msg.sender);
        _;
    }

    // --- identity registry -----------------------------------------------------------------------

    function registerIdentity(address user, address identity_, uint16 country) external onlyCompliance {
        _register(user, identity_, country);
    }

    function batchRegisterIdentity(address[] calldata users, address[] calldata identities, uint16[] calldata countries)
        external
        onlyCompliance
    {
        if (users.length != identities.length || users.length != countries.length) revert LengthsDiffer();
        for (uint256 i; i < users.length; ++i) {
            _register(users[i], identities[i], countries[i]);
        }
    }

    /// @notice The account may hold nothing any more; its balance and freezes stay as they are.
    function deleteIdentity(address user) external onlyCompliance {
        _requireKnown(user);
        (,, uint256 country, uint256 expiry,) = TOKEN.holder(user);
        emit IdentityRemoved(user, user);
        _write(user, uint16(country), uint40(expiry), 0);
    }

    function updateCountry(address user, uint16 country) external onlyCompliance {
        _requireKnown(user);
        (,,, uint256 expiry, uint256 flags) = TOKEN.holder(user);
        emit CountryUpdated(user, country);
        _write(user, country, uint40(expiry), uint8(flags & (PERMITTED | PROTOCOL)));
    }

    function updateIdentity(address user, address identity_) external view onlyCompliance {
        _requireKnown(user);
        _requireOwn(user, identity_);
    }

    function setIdentityRegistryStorage(address) external pure {
        revert NotSupported();
    }

    function setClaimTopicsRegistry(address) external pure {
        revert NotSupported();
    }

    function setTrustedIssuersRegistry(address) external pure {
        revert NotSupported();
    }

    function contains(address user) public view returns (bool) {
        (,,,, uint256 flags) = TOKEN.holder(user);
        return flags & PERMITTED != 0;
    }

    /// @notice Whether the account's standing lets it hold; freezes and pauses are not its identity.
    function isVerified(address user) external view returns (bool) {
        (,, uint256 country, uint256 expiry, uint256 flags) = TOKEN.holder(user);
        if (flags & PERMITTED == 0 || TOKEN.isRestricted(uint16(country))) return false;
        return flags & PROTOCOL != 0 || expiry >= block.timestamp;
    }

    function identity(address user) external view returns (address) {
        return contains(user) ? user : address(0);
    }

    function investorCountry(address user) external view returns (uint16) {
        (,, uint256 country,,) = TOKEN.holder(user);
        return uint16(country);
    }

    function identityStorage() external view returns (address) {
        return address(this);
    }

    function issuersRegistry() external pure returns (address) {
        return address(0);
    }

    function topicsRegistry() external pure returns (address) {
        return address(0);
    }

    /// @notice ERC-3643's agents are the token's COMPLIANCE.
    function isAgent(address account) public view returns (bool) {
        return TOKEN.hasRole(TOKEN.COMPLIANCE(), account);
    }

    // --- compliance ------------------------------------------------------------------------------

    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        return TOKEN.canTransfer(from, to, amount);
    }

    function isTokenBound(address token) external view returns (bool) {
        return token == address(TOKEN);
    }

    function getTokenBound() external view returns (address) {
        return address(TOKEN);
    }

    function bindToken(address) external pure {
        revert NotSupported();
    }

    function unbindToken(address) external pure {
        revert NotSupported();
    }

    /// @dev The token checks for itself before it moves anything, and notifies nobody.
    function transferred(address, address, uint256) external pure {
        revert NotSupported();
    }

    function created(address, uint256) external pure {
        revert NotSupported();
    }

    function destroyed(address, uint256) external pure {
        revert NotSupported();
    }

    // --- inner steps -----------------------------------------------------------------------------

    function _register(address user, address identity_, uint16 country) private {
        _requireOwn(user, identity_);
        emit IdentityRegistered(user, user);
        _write(user, country, uint40(block.timestamp) + KYC_SECONDS, uint8(PERMITTED));
    }

    function _write(address user, uint16 country, uint40 expiry, uint8 flags) private {
        IEtfToken.HolderEntry[] memory entries = new IEtfToken.HolderEntry[](1);
        entries[0] = IEtfToken.HolderEntry(user, country, expiry, flags);
        TOKEN.setHolders(entries);
    }

    function _requireKnown(address user) private view {
        if (!contains(user)) revert AccountUnknown(user);
    }

    function _requireOwn(address user, address identity_) private pure {
        if (identity_ != address(0) && identity_ != user) revert IdentityNotKept(identity_);
    }
}
