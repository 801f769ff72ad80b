// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {EtfTokenBase} from "./EtfTokenBase.sol";
import {HolderWord} from "./HolderWord.sol";

/// @title Who may hold, what is frozen, what is moved without its holder, and whom one may ask.
abstract contract EtfTokenHolders is EtfTokenBase {
    using SafeCast for uint256;

    /// @notice Write the standing of many holders; balances and freezes stay as they are.
    function setHolders(HolderEntry[] calldata entries) external onlyRole(COMPLIANCE) {
        EtfTokenStorage storage $ = _storage();
        for (uint256 i; i < entries.length; ++i) {
            HolderEntry calldata entry = entries[i];
            (address account, uint16 country, uint40 kycExpiry, uint8 flags) =
                (entry.account, entry.country, entry.kycExpiry, entry.flags);
            _requireHolder(account);
            if (flags & ~(PERMITTED | PROTOCOL) != 0) revert HolderInvalid(account);
            if (country >= COUNTRIES) revert CountryInvalid(country);
            // An unknown country may be barred tomorrow; only a protocol has none.
            if (country == 0 && flags == PERMITTED) revert CountryInvalid(0);
            HolderWord word = $.holders[account];
            $.holders[account] = word.withStanding(country, kycExpiry, (word.flags() & FROZEN) | flags);
            emit HolderSet(account, country, kycExpiry, flags);
        }
    }

    /// @notice Freeze or thaw a holder altogether.
    function setAddressFrozen(address account, bool frozen) external onlyRole(COMPLIANCE) {
        _setAddressFrozen(account, frozen);
    }

    /// @notice The same for many at once.
    function batchSetAddressFrozen(address[] calldata accounts, bool[] calldata frozen) external onlyRole(COMPLIANCE) {
        if (accounts.length != frozen.length) revert LengthsDiffer();
        for (uint256 i; i < accounts.length; ++i) {
            _setAddressFrozen(accounts[i], frozen[i]);
        }
    }

    /// @notice Freeze this many of a holder's tokens; the figure may exceed the balance.
    function setFrozenTokens(address account, uint256 amount) external onlyRole(COMPLIANCE) returns (bool) {
        _requireHolder(account);
        _setFrozenTokens(_storage(), account, amount.toUint96());
        return true;
    }

    /// @notice Move tokens without their holder, frozen ones too, to a receiver who may hold them.
    function forcedTransfer(address from, address to, uint256 amount) external onlyRole(COMPLIANCE) returns (bool) {
        EtfTokenStorage storage $ = _storage();
        _requireHolder(from); // escrow is moved by its orders only
        if (_refusal($, $.holders[to]) != 0) revert ERC7943CannotReceive(to);
        HolderWord sender = $.holders[from];
        uint256 held = sender.balance();
        if (amount > held) revert ERC20InsufficientBalance(from, held, amount);
        uint256 available = sender.available();
        if (amount > available) {
            _setFrozenTokens($, from, (sender.frozen() - (amount - available)).toUint96());
        }
        _moveWords($, from, to, amount);
        emit ForcedTransfer(from, to, amount);
        return true;
    }

    /// @notice Give a lost wallet's tokens to another wallet of the same holder, once per order id.
    /// What was frozen stays frozen there, in part or altogether; the lost wallet may hold nothing
    /// and move nothing any more. What it has in escrow stays under its order: a burn settles it, a
    /// cancelled one comes back to the lost wallet and needs a second recovery.
    function recover(uint64 orderId, address lost, address account) external onlyRole(COMPLIANCE) {
        EtfTokenStorage storage $ = _storage();
        _requireHolder(lost);
        HolderWord word = $.holders[lost];
        if (lost == account || _refusal($, $.holders[account]) != 0) revert ERC7943CannotReceive(account);
        (Ids storage ids, uint256 bit) = _unused($, orderId);
        ids.bits |= bit;
        (uint256 amount, uint256 frozen) = (word.balance(), word.frozen());
        if (frozen != 0) {
            _setFrozenTokens($, lost, 0);
            uint256 total = frozen + $.holders[account].frozen();
            // forge-lint: disable-next-line(unsafe-typecast)
            _setFrozenTokens($, account, total < type(uint96).max ? uint96(total) : type(uint96).max);
        }
        _moveWords($, lost, account, amount);
        if (word.flags() & FROZEN != 0) _setAddressFrozen(account, true);
        $.holders[lost] = $.holders[lost].withFlags(FROZEN);
        emit OrderRecovered(orderId, lost, account, amount, frozen);
    }

    /// @notice Bar countries on both ends of a movement, or lift the bar.
    function setRestricted(uint16[] calldata countries, bool restricted) external onlyRole(COMPLIANCE) {
        _setRestricted(countries, restricted);
    }

    function isRestricted(uint16 country) external view returns (bool) {
        return country < COUNTRIES && _isRestricted(_storage(), country);
    }

    function holder(address account)
        external
        view
        returns (uint256 balance, uint256 frozen, uint256 country, uint256 kycExpiry, uint256 flags)
    {
        HolderWord word = _storage().holders[account];
        return (word.balance(), word.frozen(), word.country(), word.kycExpiry(), word.flags());
    }

    function getFrozenTokens(address account) external view returns (uint256) {
        return _storage().holders[account].frozen();
    }

    function canSend(address account) public view returns (bool) {
        EtfTokenStorage storage $ = _storage();
        return $.book.flags & PAUSE_TRANSFER == 0 && _refusal($, $.holders[account]) == 0;
    }

    function canReceive(address account) external view returns (bool) {
        return canSend(account); // the same standing is asked of both ends
    }

    /// @dev A plain shortage of balance is not a refusal (ERC-7943); frozen tokens are.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        HolderWord sender = _storage().holders[from];
        if (sender.frozen() != 0 && amount > sender.available()) return false;
        return canSend(from) && canSend(to);
    }

    function _setRestricted(uint16[] calldata countries, bool restricted) internal {
        EtfTokenStorage storage $ = _storage();
        for (uint256 i; i < countries.length; ++i) {
            uint16 country = countries[i];
            if (country == 0 || country >= COUNTRIES) revert CountryInvalid(country);
            uint256 bit = 1 << (country & 0xff);
            if (restricted) $.restricted[country >> 8] |= bit;
            else $.restricted[country >> 8] &= ~bit;
            emit CountryRestricted(country, restricted);
        }
    }

    function _setAddressFrozen(address account, bool frozen) private {
        _requireHolder(account);
        EtfTokenStorage storage $ = _storage();
        HolderWord word = $.holders[account];
        uint256 flags = word.flags();
        $.holders[account] = word.withFlags(frozen ? flags | FROZEN : flags & ~FROZEN);
        emit AddressFrozen(account, frozen, _msgSender());
    }

    function _setFrozenTokens(EtfTokenStorage storage $, address account, uint96 amount) private {
        $.holders[account] = $.holders[account].withFrozen(amount);
        emit Frozen(account, amount);
    }
}
