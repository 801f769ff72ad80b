// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {
    ERC20PermitUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EtfTokenBooks} from "./EtfTokenBooks.sol";
import {HolderWord} from "./HolderWord.sol";
import {IERC7943} from "./IERC7943.sol";

/// @title ERC-20 on the packed books, the roles, and the one way in which tokens move.
abstract contract EtfTokenBase is ERC20PermitUpgradeable, AccessControlUpgradeable, EtfTokenBooks, IERC7943 {
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

    function totalSupply() public view override returns (uint256) {
        return _storage().book.supply;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return _storage().holders[account].balance();
    }

    /// @dev Only transfer, transferFrom and signed transfers come here; mint and burn go by order id.
    function _update(address from, address to, uint256 amount) internal override {
        EtfTokenStorage storage $ = _storage();
        if ($.book.flags & PAUSE_TRANSFER != 0) revert TransferIsPaused();
        if (_refusal($, $.holders[from]) != 0) revert ERC7943CannotSend(from);
        if (_refusal($, $.holders[to]) != 0) revert ERC7943CannotReceive(to);
        _move($, from, to, amount);
    }

    /// @dev Moves unfrozen balance; who may move is the caller's question.
    function _move(EtfTokenStorage storage $, address from, address to, uint256 amount) internal {
        HolderWord sender = $.holders[from];
        uint256 held = sender.balance();
        if (amount > held) revert ERC20InsufficientBalance(from, held, amount);
        uint256 available = sender.available();
        if (amount > available) revert ERC7943InsufficientUnfrozenBalance(from, amount, available);
        _moveWords($, from, to, amount);
    }

    /// @dev The caller has compared the amount with the balance.
    function _moveWords(EtfTokenStorage storage $, address from, address to, uint256 amount) internal {
        $.holders[from] = $.holders[from].debited(amount);
        // Read after the write: from and to may be one account.
        $.holders[to] = $.holders[to].credited(amount);
        emit Transfer(from, to, amount);
    }

    /// @dev ECDSA, or ERC-1271 when the signer is a contract.
    function _requireSigned(address signer, bytes32 structHash, bytes memory signature) internal view {
        if (!SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(structHash), signature)) {
            revert SignatureInvalid(signer);
        }
    }
}
