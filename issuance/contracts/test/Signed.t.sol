// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC7943} from "../src/IERC7943.sol";

/// @dev A contract wallet with one owner (ERC-1271).
contract ContractWallet {
    bytes32 private accepted;

    function accept(bytes32 digest) external {
        accepted = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == accepted ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// @dev What holders only sign: ERC-3009 transfers and redeem requests.
contract SignedTest is Deployed {
    uint256 internal constant HOLDER_KEY = 0xB0B;
    bytes32 internal constant NONCE = "nonce";
    uint256 internal constant UNTIL = START + 1 hours;

    address internal signer;

    function setUp() public {
        open();
        signer = vm.addr(HOLDER_KEY);
        register(signer, SWITZERLAND, EXPIRY, PERMITTED);
        mint(1, signer, 10 ether);
    }

    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);
    event RedeemRequested(uint64 indexed orderId, address indexed account, uint256 amount);

    function typed(bytes32 struct_) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), struct_));
    }

    function transferStruct(string memory kind, address to, uint256 value, uint256 from, uint256 until)
        private
        view
        returns (bytes32)
    {
        bytes32 type_ = keccak256(
            abi.encodePacked(
                kind, "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
            )
        );
        return keccak256(abi.encode(type_, signer, to, value, from, until, NONCE));
    }

    function send(address to, uint256 value, uint256 from, uint256 until, uint256 key) private {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, typed(transferStruct("TransferWithAuthorization", to, value, from, until)));
        token.transferWithAuthorization(signer, to, value, from, until, NONCE, v, r, s);
    }

    // --- ERC-3009 --------------------------------------------------------------------------------

    function test_a_signed_transfer_works_once() public {
        ok(!token.authorizationState(signer, NONCE), "unused");
        vm.expectEmit(address(token));
        emit AuthorizationUsed(signer, NONCE);
        send(bob, 4 ether, 0, UNTIL, HOLDER_KEY);
        eq(token.balanceOf(bob), 4 ether, "moved");
        ok(token.authorizationState(signer, NONCE), "used");
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(HOLDER_KEY, typed(transferStruct("TransferWithAuthorization", bob, 4 ether, 0, UNTIL)));
        refuses(abi.encodeWithSelector(IEtfToken.AuthorizationUsedOrCanceled.selector, signer, NONCE));
        token.transferWithAuthorization(signer, bob, 4 ether, 0, UNTIL, NONCE, v, r, s);
    }

    function test_a_signed_transfer_of_another_key_or_other_fields_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(0xBAD, typed(transferStruct("TransferWithAuthorization", bob, 1, 0, UNTIL)));
        refusesTransfer(bob, 1, v, r, s);
        (v, r, s) = vm.sign(HOLDER_KEY, typed(transferStruct("TransferWithAuthorization", bob, 1, 0, UNTIL)));
        refusesTransfer(alice, 1, v, r, s);
        refusesTransfer(bob, 2, v, r, s);
        (v, r, s) = vm.sign(HOLDER_KEY, typed(transferStruct("ReceiveWithAuthorization", bob, 1, 0, UNTIL)));
        refusesTransfer(bob, 1, v, r, s);
    }

    function refusesTransfer(address to, uint256 value, uint8 v, bytes32 r, bytes32 s) private {
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, signer));
        token.transferWithAuthorization(signer, to, value, 0, UNTIL, NONCE, v, r, s);
    }

    function test_a_signed_transfer_counts_in_its_time_only() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(HOLDER_KEY, typed(transferStruct("TransferWithAuthorization", bob, 1, START, UNTIL)));
        refuses(abi.encodeWithSelector(IEtfToken.AuthorizationNotYetValid.selector, START));
        token.transferWithAuthorization(signer, bob, 1, START, UNTIL, NONCE, v, r, s);
        vm.warp(UNTIL);
        refuses(abi.encodeWithSelector(IEtfToken.AuthorizationExpired.selector, UNTIL));
        token.transferWithAuthorization(signer, bob, 1, START, UNTIL, NONCE, v, r, s);
        vm.warp(UNTIL - 1);
        token.transferWithAuthorization(signer, bob, 1, START, UNTIL, NONCE, v, r, s);
    }

    function test_a_signed_transfer_obeys_every_rule_of_a_transfer() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(HOLDER_KEY, typed(transferStruct("TransferWithAuthorization", stranger, 1, 0, UNTIL)));
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, stranger));
        token.transferWithAuthorization(signer, stranger, 1, 0, UNTIL, NONCE, v, r, s);
        ok(!token.authorizationState(signer, NONCE), "a refused one is unused");
        vm.prank(pauser);
        token.pause(2);
        refuses(abi.encodeWithSelector(IEtfToken.TransferIsPaused.selector));
        token.transferWithAuthorization(signer, stranger, 1, 0, UNTIL, NONCE, v, r, s);
    }

    function test_only_the_payee_uses_a_receive_authorization() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(HOLDER_KEY, typed(transferStruct("ReceiveWithAuthorization", bob, 3 ether, 0, UNTIL)));
        refuses(abi.encodeWithSelector(IEtfToken.CallerMustBePayee.selector, bob));
        token.receiveWithAuthorization(signer, bob, 3 ether, 0, UNTIL, NONCE, v, r, s);
        vm.prank(bob);
        token.receiveWithAuthorization(signer, bob, 3 ether, 0, UNTIL, NONCE, v, r, s);
        eq(token.balanceOf(bob), 3 ether, "received");
    }

    function test_an_authorization_can_be_cancelled_by_its_signer_once() public {
        bytes32 digest_ = typed(
            keccak256(abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), signer, NONCE))
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0xBAD, digest_);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, signer));
        token.cancelAuthorization(signer, NONCE, v, r, s);
        (v, r, s) = vm.sign(HOLDER_KEY, digest_);
        vm.expectEmit(address(token));
        emit AuthorizationCanceled(signer, NONCE);
        token.cancelAuthorization(signer, NONCE, v, r, s);
        refuses(abi.encodeWithSelector(IEtfToken.AuthorizationUsedOrCanceled.selector, signer, NONCE));
        token.cancelAuthorization(signer, NONCE, v, r, s);
        (v, r, s) = vm.sign(HOLDER_KEY, typed(transferStruct("TransferWithAuthorization", bob, 1, 0, UNTIL)));
        refuses(abi.encodeWithSelector(IEtfToken.AuthorizationUsedOrCanceled.selector, signer, NONCE));
        token.transferWithAuthorization(signer, bob, 1, 0, UNTIL, NONCE, v, r, s);
    }

    // --- redeem requests -------------------------------------------------------------------------

    function redeemDigest(address account, uint256 amount, uint64 id, uint256 nonce) private view returns (bytes32) {
        bytes32 type_ =
            keccak256("RedeemRequest(address account,uint256 amount,uint64 orderId,uint256 nonce,uint256 deadline)");
        return typed(keccak256(abi.encode(type_, account, amount, id, nonce, UNTIL)));
    }

    function redeemSigned(uint256 amount, uint64 id, uint256 nonce, uint256 key) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, redeemDigest(signer, amount, id, nonce));
        return abi.encodePacked(r, s, v);
    }

    function test_a_signed_redeem_request_escrows_once() public {
        bytes memory signature = redeemSigned(4 ether, 2, 0, HOLDER_KEY);
        vm.expectEmit(address(token));
        emit RedeemRequested(2, signer, 4 ether);
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, signature);
        ok(token.redemption(2, signer) == 4 ether && token.nonces(signer) == 1, "in escrow");
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, signature);
    }

    function test_a_cancelled_request_cannot_be_replayed() public {
        bytes memory signature = redeemSigned(4 ether, 2, 0, HOLDER_KEY);
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, signature);
        vm.prank(issuer);
        token.cancelRedeem(2, signer);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, signature);
    }

    function test_a_request_signed_otherwise_is_refused() public {
        bytes memory good = redeemSigned(4 ether, 2, 0, HOLDER_KEY);
        bytes memory foreign = redeemSigned(4 ether, 2, 0, 0xBAD);
        bytes memory ahead = redeemSigned(4 ether, 2, 1, HOLDER_KEY);
        bytes4 code = IEtfToken.SignatureInvalid.selector;
        refuses(abi.encodeWithSelector(code, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, foreign);
        refuses(abi.encodeWithSelector(code, signer));
        token.requestRedeemFor(signer, 5 ether, 2, UNTIL, good);
        refuses(abi.encodeWithSelector(code, signer));
        token.requestRedeemFor(signer, 4 ether, 3, UNTIL, good);
        refuses(abi.encodeWithSelector(code, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL + 1, good);
        refuses(abi.encodeWithSelector(code, alice));
        token.requestRedeemFor(alice, 4 ether, 2, UNTIL, good);
        refuses(abi.encodeWithSelector(code, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, ahead);
        vm.warp(UNTIL + 1);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureExpired.selector, UNTIL));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, good);
        vm.warp(UNTIL);
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, good);
    }

    function test_a_signed_request_of_a_frozen_holder_is_refused_and_keeps_its_nonce() public {
        bytes memory signature = redeemSigned(4 ether, 2, 0, HOLDER_KEY);
        vm.prank(compliance);
        token.setAddressFrozen(signer, true);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotSend.selector, signer));
        token.requestRedeemFor(signer, 4 ether, 2, UNTIL, signature);
        eq(token.nonces(signer), 0, "nonce");
    }

    function test_a_contract_wallet_redeems_by_its_own_answer() public {
        ContractWallet wallet = new ContractWallet();
        register(address(wallet), SWITZERLAND, EXPIRY, PERMITTED);
        mint(5, address(wallet), 3 ether);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, address(wallet)));
        token.requestRedeemFor(address(wallet), 3 ether, 6, UNTIL, "");
        wallet.accept(redeemDigest(address(wallet), 3 ether, 6, 0));
        token.requestRedeemFor(address(wallet), 3 ether, 6, UNTIL, "");
        eq(token.redemption(6, address(wallet)), 3 ether, "in escrow");
    }

    function testFuzz_views_answer_whatever_is_asked(address account, uint256 number, bytes32 nonce) public view {
        token.canSend(account);
        token.canReceive(account);
        token.canTransfer(account, address(uint160(number)), number);
        token.getFrozenTokens(account);
        token.holder(account);
        token.isRestricted(uint16(number));
        token.isExecuted(uint64(number));
        token.redemption(uint64(number), account);
        token.mintAllowance(account);
        token.authorizationState(account, nonce);
        token.balanceOfUI(account);
        token.hasRole(nonce, account);
        token.supportsInterface(bytes4(nonce));
        token.nonces(account);
    }
}
