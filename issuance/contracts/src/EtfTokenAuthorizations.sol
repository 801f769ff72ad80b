// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EtfTokenBase} from "./EtfTokenBase.sol";
import {IERC3009} from "./IERC3009.sol";

/// @title ERC-3009 under the token's rules; a nonce is used or cancelled once.
/// @dev On the token's own storage, and a contract wallet may answer by ERC-1271.
abstract contract EtfTokenAuthorizations is EtfTokenBase, IERC3009 {
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant CANCEL_TYPEHASH = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");

    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool) {
        return _storage().authorizations[authorizer][nonce];
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        _execute(
            TRANSFER_TYPEHASH, Authorization(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v)
        );
    }

    /// @dev Only the payee may call: nobody can use the payment up before the payee's own call.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (to != _msgSender()) revert CallerMustBePayee(to);
        _execute(
            RECEIVE_TYPEHASH, Authorization(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v)
        );
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _requireSigned(authorizer, keccak256(abi.encode(CANCEL_TYPEHASH, authorizer, nonce)), abi.encodePacked(r, s, v));
        _consume(authorizer, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }

    function _execute(bytes32 typehash, Authorization memory given, bytes memory signature) private {
        if (block.timestamp <= given.validAfter) revert AuthorizationNotYetValid(given.validAfter);
        if (block.timestamp >= given.validBefore) revert AuthorizationExpired(given.validBefore);
        _requireSigned(given.from, keccak256(abi.encode(typehash, given)), signature);
        _consume(given.from, given.nonce);
        emit AuthorizationUsed(given.from, given.nonce);
        _transfer(given.from, given.to, given.value);
    }

    function _consume(address authorizer, bytes32 nonce) private {
        mapping(bytes32 => bool) storage used = _storage().authorizations[authorizer];
        if (used[nonce]) revert AuthorizationUsedOrCanceled(authorizer, nonce);
        used[nonce] = true;
    }
}
