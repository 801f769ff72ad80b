// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EtfTokenBase} from "./EtfTokenBase.sol";
import {HolderWord} from "./HolderWord.sol";

/// @title Mint and redeem by order id: each id happens at most once.
abstract contract EtfTokenOrders is EtfTokenBase {
    /// @notice The EIP-712 struct a holder signs to redeem without paying for gas.
    bytes32 public constant REDEEM_TYPEHASH =
        keccak256("RedeemRequest(address account,uint256 amount,uint64 orderId,uint256 nonce,uint256 deadline)");

    /// @notice Mint each order once. A receiver who may not hold is skipped with OrderRejected and
    /// its id stays unused; a used id, a stale or void attestation, too little cap or too little left
    /// of the issuer's daily limit reverts the whole batch.
    function mintBatch(Order[] calldata orders) external onlyRole(ISSUER) {
        EtfTokenStorage storage $ = _storage();
        Book memory book = $.book;
        if (book.flags & PAUSE_MINT != 0) revert MintIsPaused();
        uint256 maxAge = uint256(book.maxAgeMinutes) * 1 minutes;
        if (block.timestamp > book.asOf + maxAge) revert AttestationStale(book.asOf, maxAge);
        _requireSplitAttested($, book.flags);
        uint256 supply = book.supply;
        for (uint256 i; i < orders.length; ++i) {
            uint256 amount = _mintOrder($, orders[i]);
            supply += amount;
            if (supply > book.cap) revert CapExceeded(orders[i].orderId, supply, book.cap);
        }
        _draw($.buckets[_msgSender()], supply - book.supply);
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
        _requestRedeem(_msgSender(), amount, orderId);
    }

    /// @notice The same, signed by the holder (ECDSA or ERC-1271) and sent by anyone.
    /// @param deadline last second at which the signature counts
    function requestRedeemFor(
        address account,
        uint256 amount,
        uint64 orderId,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        uint256 nonce = _useNonce(account);
        _requireSigned(
            account, keccak256(abi.encode(REDEEM_TYPEHASH, account, amount, orderId, nonce, deadline)), signature
        );
        _requestRedeem(account, amount, orderId);
    }

    /// @notice Whether a mint, a burn or a recovery has consumed the id.
    function isExecuted(uint64 orderId) external view returns (bool) {
        return _isExecuted(_storage(), orderId);
    }

    /// @notice What a holder has in escrow under an id.
    function redemption(uint64 orderId, address account) external view returns (uint256) {
        return _storage().redemptions[orderId][account];
    }

    /// @notice What an issuer may mint now, and in a day; raw units.
    function mintAllowance(address issuer) external view returns (uint256 available, uint256 limit) {
        Bucket memory bucket = _storage().buckets[issuer];
        return (_level(bucket), bucket.max);
    }

    /// @notice Give an issuer another daily limit, full at once.
    function setMintLimit(address issuer, uint96 limit) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkRole(ISSUER, issuer);
        _fill(issuer, limit);
    }

    function _fill(address issuer, uint96 limit) internal {
        _storage().buckets[issuer] = Bucket(limit, limit, uint40(block.timestamp));
        emit MintLimitSet(issuer, limit);
    }

    function _draw(Bucket storage stored, uint256 amount) private {
        Bucket memory bucket = stored;
        uint256 level = _level(bucket);
        if (amount > level) revert MintLimitExceeded(_msgSender(), amount, level);
        // forge-lint: disable-next-line(unsafe-typecast)
        bucket.left = uint96(level - amount); // at most max, which is a uint96
        bucket.since = uint40(block.timestamp);
        _store(stored, bucket);
    }

    function _store(Bucket storage stored, Bucket memory bucket) private {
        (stored.left, stored.max, stored.since) = (bucket.left, bucket.max, bucket.since);
    }

    function _requestRedeem(address account, uint256 amount, uint64 orderId) private {
        EtfTokenStorage storage $ = _storage();
        if (amount == 0) revert AmountZero();
        if ($.book.flags & PAUSE_TRANSFER != 0) revert TransferIsPaused();
        if (_isExecuted($, orderId)) revert OrderAlreadyExecuted(orderId);
        if ($.redemptions[orderId][account] != 0) revert RedemptionExists(orderId, account);
        if ($.holders[account].flags() & FROZEN != 0) revert ERC7943CannotSend(account);
        $.redemptions[orderId][account] = amount;
        _move($, account, address(this), amount);
        emit RedeemRequested(orderId, account, amount);
    }

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
}
