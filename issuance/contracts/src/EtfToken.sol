// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {
    ERC20PermitUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {EtfTokenBooks} from "./EtfTokenBooks.sol";
import {HolderWord} from "./HolderWord.sol";
import {IERC7943} from "./IERC7943.sol";

/// @title Shares of one spot ETF in custody, as a permissioned token; 10^18 units are one share.
/// @notice Each order id mints or burns at most once. Supply never passes, at a mint, the number of
/// settled shares that the custodian has signed for, and an old figure mints nothing.
/// A movement needs both ends permitted, in date, not frozen, and of no restricted country.
/// Three movements need less, on purpose: a holder who is not frozen can always ask to redeem, the
/// issuer can always burn or return what stands in escrow, and a forced transfer checks only its
/// receiver.
contract EtfToken is ERC20PermitUpgradeable, AccessControlUpgradeable, UUPSUpgradeable, EtfTokenBooks, IERC7943 {
    using SafeCast for uint256;

    /// @notice Mints and burns by order id.
    bytes32 public constant ISSUER = keccak256("ISSUER");
    /// @notice Signs the reserve figure; never needs to send a transaction.
    bytes32 public constant ATTESTOR = keccak256("ATTESTOR");
    /// @notice Writes holders, freezes, countries; moves tokens by force.
    bytes32 public constant COMPLIANCE = keccak256("COMPLIANCE");
    /// @notice Stops; only the admin resumes.
    bytes32 public constant PAUSER = keccak256("PAUSER");
    /// @notice Chooses the proxy's code.
    bytes32 public constant UPGRADER = keccak256("UPGRADER");

    /// @notice The EIP-712 struct the custodian signs. Domain: name = the token's name,
    /// version = "1", chainId, verifyingContract = the proxy.
    bytes32 public constant ATTESTATION_TYPEHASH =
        keccak256("Attestation(uint256 shares,uint40 asOf,bytes32 reportHash)");

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @notice Everything a token needs to be safe, in the proxy's own creation.
    function initialize(
        string calldata name_,
        string calldata symbol_,
        uint16 maxAgeMinutes,
        uint16[] calldata restrictedCountries,
        RoleGrant[] calldata grants
    ) external initializer {
        __ERC20_init(name_, symbol_);
        __ERC20Permit_init(name_);
        _setMaxAge(maxAgeMinutes);
        _setRestricted(restrictedCountries, true);
        for (uint256 i; i < grants.length; ++i) {
            _grantRole(grants[i].role, grants[i].account);
        }
    }

    // --- orders ----------------------------------------------------------------------------------

    /// @notice Mint each order once. A receiver who may not hold is skipped with OrderRejected and
    /// its id stays unused; a used id, a stale attestation or too little cap reverts the whole batch.
    function mintBatch(Order[] calldata orders) external onlyRole(ISSUER) {
        EtfTokenStorage storage $ = _storage();
        Book memory book = $.book;
        if (book.flags & PAUSE_MINT != 0) revert MintIsPaused();
        uint256 maxAge = uint256(book.maxAgeMinutes) * 1 minutes;
        if (block.timestamp > book.asOf + maxAge) revert AttestationStale(book.asOf, maxAge);
        uint256 supply = book.supply;
        for (uint256 i; i < orders.length; ++i) {
            uint256 amount = _mintOrder($, orders[i]);
            supply += amount;
            if (supply > book.cap) revert CapExceeded(orders[i].orderId, supply, book.cap);
        }
        // forge-lint: disable-next-line(unsafe-typecast)
        book.supply = uint96(supply); // at most the cap, which is a uint96
        $.book = book;
    }

    /// @notice Destroy what one holder escrowed under this id, if it is exactly this amount.
    function burnOrder(uint64 orderId, address account, uint96 amount) external onlyRole(ISSUER) {
        _burnOrder(_storage(), orderId, account, amount);
    }

    /// @notice Like burnOrder, for many; any difference reverts them all.
    function burnBatch(Order[] calldata orders) external onlyRole(ISSUER) {
        EtfTokenStorage storage $ = _storage();
        for (uint256 i; i < orders.length; ++i) {
            _burnOrder($, orders[i].orderId, orders[i].account, orders[i].amount);
        }
    }

    /// @notice Give escrowed tokens back to their holder; the id stays unused.
    function cancelRedeem(uint64 orderId, address account) external onlyRole(ISSUER) {
        EtfTokenStorage storage $ = _storage();
        uint256 amount = $.redemptions[orderId][account];
        if (amount == 0) revert RedemptionMismatch(orderId, account, 0);
        delete $.redemptions[orderId][account];
        _moveWords($, address(this), account, amount);
        emit RedeemCancelled(orderId, account, amount);
    }

    /// @notice Put tokens in escrow for a redeem order. Exit stays open to a holder whose KYC has
    /// lapsed or whose country was restricted later; a frozen one, or frozen tokens, stay put.
    function requestRedeem(uint256 amount, uint64 orderId) external {
        EtfTokenStorage storage $ = _storage();
        address account = _msgSender();
        if (amount == 0) revert AmountZero();
        if ($.book.flags & PAUSE_TRANSFER != 0) revert TransferIsPaused();
        if (_isExecuted($, orderId)) revert OrderAlreadyExecuted(orderId);
        if ($.redemptions[orderId][account] != 0) revert RedemptionExists(orderId, account);
        if ($.holders[account].flags() & FROZEN != 0) revert ERC7943CannotSend(account);
        $.redemptions[orderId][account] = amount;
        _move($, account, address(this), amount);
        emit RedeemRequested(orderId, account, amount);
    }

    /// @notice Whether a mint or a burn has consumed the id.
    function isExecuted(uint64 orderId) external view returns (bool) {
        return _isExecuted(_storage(), orderId);
    }

    /// @notice What a holder has in escrow under an id.
    function redemption(uint64 orderId, address account) external view returns (uint256) {
        return _storage().redemptions[orderId][account];
    }

    // --- the attested cap ------------------------------------------------------------------------

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
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(ATTESTATION_TYPEHASH, shares, asOf, reportHash)));
        if (!SignatureChecker.isValidSignatureNow(attestor, digest, signature)) revert SignatureInvalid(attestor);
        // forge-lint: disable-next-line(unsafe-typecast)
        book.cap = uint96(shares); // checked above
        book.asOf = asOf;
        $.book = book;
        emit Attested(attestor, shares, asOf, reportHash);
        if (book.supply > book.cap) emit ReserveDeficit(book.supply, book.cap);
    }

    /// @notice Supply, attested cap, when it held, and how old it may be at a mint.
    function reserves()
        external
        view
        returns (uint96 supply, uint96 cap, uint40 asOf, uint16 maxAgeMinutes, uint8 pauseFlags)
    {
        Book storage book = _storage().book;
        return (book.supply, book.cap, book.asOf, book.maxAgeMinutes, book.flags);
    }

    function setMaxAge(uint16 maxAgeMinutes) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setMaxAge(maxAgeMinutes);
    }

    // --- holders ---------------------------------------------------------------------------------

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
        _requireHolder(account);
        EtfTokenStorage storage $ = _storage();
        HolderWord word = $.holders[account];
        uint256 flags = word.flags();
        $.holders[account] = word.withFlags(frozen ? flags | FROZEN : flags & ~FROZEN);
        emit AddressFrozen(account, frozen, _msgSender());
    }

    /// @notice Freeze this many of a holder's tokens; the figure may exceed the balance.
    function setFrozenTokens(address account, uint256 amount) external onlyRole(COMPLIANCE) returns (bool) {
        _requireHolder(account);
        EtfTokenStorage storage $ = _storage();
        $.holders[account] = $.holders[account].withFrozen(amount.toUint96());
        emit Frozen(account, amount);
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
            uint256 frozen = sender.frozen() - (amount - available);
            $.holders[from] = sender.withFrozen(frozen.toUint96());
            emit Frozen(from, frozen);
        }
        _move($, from, to, amount);
        emit ForcedTransfer(from, to, amount);
        return true;
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

    // --- pause -----------------------------------------------------------------------------------

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

    // --- ERC-20 on packed storage ----------------------------------------------------------------

    function totalSupply() public view override returns (uint256) {
        return _storage().book.supply;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return _storage().holders[account].balance();
    }

    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC7943).interfaceId || interfaceId == type(IERC20).interfaceId
            || interfaceId == type(IERC20Permit).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Only transfer and transferFrom come here; mint and burn go by order id.
    function _update(address from, address to, uint256 amount) internal override {
        EtfTokenStorage storage $ = _storage();
        if ($.book.flags & PAUSE_TRANSFER != 0) revert TransferIsPaused();
        if (_refusal($, $.holders[from]) != 0) revert ERC7943CannotSend(from);
        if (_refusal($, $.holders[to]) != 0) revert ERC7943CannotReceive(to);
        _move($, from, to, amount);
    }

    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        bool conflict = (role == ISSUER && hasRole(ATTESTOR, account)) || (role == ATTESTOR && hasRole(ISSUER, account));
        if (conflict) revert RolesConflict(account);
        return super._grantRole(role, account);
    }

    function _authorizeUpgrade(address) internal override onlyRole(UPGRADER) {}

    // --- inner steps -----------------------------------------------------------------------------

    /// @return minted the amount, or 0 when the receiver was refused
    function _mintOrder(EtfTokenStorage storage $, Order calldata order) private returns (uint256 minted) {
        (uint64 orderId, address account, uint96 amount) = (order.orderId, order.account, order.amount);
        (Ids storage ids, uint256 bit) = _unused($, orderId);
        HolderWord receiver = $.holders[account];
        uint8 refusal = amount == 0 ? AMOUNT_IS_ZERO : _refusal($, receiver);
        if (refusal != 0) {
            emit OrderRejected(orderId, account, refusal);
            return 0;
        }
        ids.bits |= bit;
        $.holders[account] = receiver.credited(amount);
        emit Transfer(address(0), account, amount);
        emit OrderMinted(orderId, account, amount);
        return amount;
    }

    function _burnOrder(EtfTokenStorage storage $, uint64 orderId, address account, uint96 amount) private {
        (Ids storage ids, uint256 bit) = _unused($, orderId);
        uint256 escrowed = $.redemptions[orderId][account];
        if (amount == 0 || escrowed != amount) revert RedemptionMismatch(orderId, account, escrowed);
        ids.bits |= bit;
        delete $.redemptions[orderId][account];
        $.holders[address(this)] = $.holders[address(this)].debited(amount);
        $.book.supply -= amount;
        emit Transfer(address(this), address(0), amount);
        emit OrderBurned(orderId, account, amount);
    }

    /// @dev Moves unfrozen balance; who may move is the caller's question.
    function _move(EtfTokenStorage storage $, address from, address to, uint256 amount) private {
        HolderWord sender = $.holders[from];
        uint256 held = sender.balance();
        if (amount > held) revert ERC20InsufficientBalance(from, held, amount);
        uint256 available = sender.available();
        if (amount > available) revert ERC7943InsufficientUnfrozenBalance(from, amount, available);
        _moveWords($, from, to, amount);
    }

    /// @dev The caller has compared the amount with the balance.
    function _moveWords(EtfTokenStorage storage $, address from, address to, uint256 amount) private {
        $.holders[from] = $.holders[from].debited(amount);
        // Read after the write: from and to may be one account.
        $.holders[to] = $.holders[to].credited(amount);
        emit Transfer(from, to, amount);
    }

    function _setRestricted(uint16[] calldata countries, bool restricted) private {
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

    function _setMaxAge(uint16 maxAgeMinutes) private {
        if (maxAgeMinutes == 0) revert MaxAgeInvalid();
        _storage().book.maxAgeMinutes = maxAgeMinutes;
        emit MaxAgeSet(maxAgeMinutes);
    }

    function _setPause(uint8 flags) private {
        _storage().book.flags = flags;
        emit PauseSet(flags, _msgSender());
    }

    function _pauseFlags(uint8 what) private pure returns (uint8) {
        if (what == 0 || what & ~(PAUSE_MINT | PAUSE_TRANSFER) != 0) revert PauseInvalid(what);
        return what;
    }
}
