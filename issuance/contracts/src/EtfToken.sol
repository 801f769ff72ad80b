// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {EtfTokenAuthorizations} from "./EtfTokenAuthorizations.sol";
import {EtfTokenHolders} from "./EtfTokenHolders.sol";
import {EtfTokenOrders} from "./EtfTokenOrders.sol";
import {EtfTokenReserves} from "./EtfTokenReserves.sol";
import {IERC7943} from "./IERC7943.sol";
import {IERC8056, IERC8056Balances, IERC8056Pending} from "./IERC8056.sol";

/// @title Shares of one spot ETF in custody, as a permissioned token; 10^18 units are one share.
/// @notice Each order id mints, burns or recovers at most once. Supply never passes, at a mint, the
/// number of settled shares that the custodian has signed for, and an old figure mints nothing.
/// A movement needs both ends permitted, in date, not frozen, and of no restricted country.
/// Four movements need less, on purpose: a holder who is not frozen can always ask to redeem, the
/// issuer can always burn or return what stands in escrow, and a forced transfer or a recovery checks
/// only its receiver.
contract EtfToken is UUPSUpgradeable, EtfTokenOrders, EtfTokenReserves, EtfTokenHolders, EtfTokenAuthorizations {
    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Everything a token needs to be safe, in the proxy's own creation.
    /// @param mintLimit what each issuer may mint in a day, in raw units
    function initialize(
        string calldata name_,
        string calldata symbol_,
        uint16 maxAgeMinutes,
        uint96 mintLimit,
        uint16[] calldata restrictedCountries,
        RoleGrant[] calldata grants
    ) external initializer {
        __ERC20_init(name_, symbol_);
        __ERC20Permit_init(name_);
        _setMaxAge(maxAgeMinutes);
        _setRestricted(restrictedCountries, true);
        EtfTokenStorage storage $ = _storage();
        ($.split.current, $.split.next) = (uint104(ONE), uint104(ONE));
        $.mintLimit = mintLimit;
        for (uint256 i; i < grants.length; ++i) {
            _grantRole(grants[i].role, grants[i].account);
        }
    }

    /// @param what bit 0 minting, bit 1 transfers and redeem requests
    function pause(uint8 what) external onlyRole(PAUSER) {
        _setPause(_storage().book.flags | _pauseFlags(what));
    }

    function unpause(uint8 what) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setPause(_storage().book.flags & ~_pauseFlags(what));
    }

    /// @notice Whether holders cannot move tokens.
    function paused() external view returns (bool) {
        return _storage().book.flags & PAUSE_TRANSFER != 0;
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC7943).interfaceId || interfaceId == type(IERC20).interfaceId
            || interfaceId == type(IERC20Permit).interfaceId || interfaceId == type(IERC8056).interfaceId
            || interfaceId == type(IERC8056Pending).interfaceId || interfaceId == type(IERC8056Balances).interfaceId
            || super.supportsInterface(interfaceId);
    }

    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        bool conflict = (role == ISSUER && hasRole(ATTESTOR, account)) || (role == ATTESTOR && hasRole(ISSUER, account));
        if (conflict) revert RolesConflict(account);
        granted = super._grantRole(role, account);
        if (granted && role == ISSUER) _fill(account, _storage().mintLimit);
    }

    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked && role == ISSUER) _fill(account, 0);
    }

    function _authorizeUpgrade(address) internal override onlyRole(UPGRADER) {}

    function _setPause(uint8 flags) private {
        _storage().book.flags = flags;
        emit PauseSet(flags & PAUSES, _msgSender());
    }

    function _pauseFlags(uint8 what) private pure returns (uint8) {
        if (what == 0 || what & ~PAUSES != 0) revert PauseInvalid(what);
        return what;
    }
}
