// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {EtfToken} from "../src/EtfToken.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC7943} from "../src/IERC7943.sol";

contract OrdersTest is Deployed {
    function setUp() public {
        open();
    }

    event OrderRejected(uint64 indexed orderId, address indexed account, uint8 reason);
    event OrderMinted(uint64 indexed orderId, address indexed account, uint256 amount);
    event RedeemRequested(uint64 indexed orderId, address indexed account, uint256 amount);
    event OrderBurned(uint64 indexed orderId, address indexed account, uint256 amount);
    event RedeemCancelled(uint64 indexed orderId, address indexed account, uint256 amount);

    function test_a_mint_creates_tokens_and_consumes_its_id() public {
        vm.expectEmit(address(token));
        emit OrderMinted(7, alice, 5 ether);
        mint(7, alice, 5 ether);
        eq(token.balanceOf(alice), 5 ether, "balance");
        eq(token.totalSupply(), 5 ether, "supply");
        ok(token.isExecuted(7) && !token.isExecuted(6) && !token.isExecuted(8), "ids");
    }

    function test_a_used_id_reverts_the_batch() public {
        mint(7, alice, 1 ether);
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](2);
        orders[0] = IEtfToken.Order(8, bob, 1 ether);
        orders[1] = IEtfToken.Order(7, alice, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 7));
        vm.prank(issuer);
        token.mintBatch(orders);
        ok(!token.isExecuted(8), "the batch's other id stays unused");
    }

    function test_an_id_twice_in_one_batch_reverts() public {
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](2);
        orders[0] = IEtfToken.Order(8, bob, 1 ether);
        orders[1] = IEtfToken.Order(8, bob, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 8));
        vm.prank(issuer);
        token.mintBatch(orders);
    }

    function test_ids_use_the_whole_range() public {
        uint64[5] memory ids = [uint64(0), 255, 256, 257, type(uint64).max];
        for (uint256 i; i < ids.length; ++i) {
            ok(!token.isExecuted(ids[i]), "unused");
            mint(ids[i], alice, 1);
            ok(token.isExecuted(ids[i]), "used");
        }
        eq(token.totalSupply(), 5, "supply");
    }

    function test_ineligible_receivers_are_skipped_with_a_reason() public {
        address chinese = address(0xC1);
        address lapsed = address(0xC2);
        address frozen = address(0xC3);
        register(chinese, CHINA, EXPIRY, PERMITTED);
        register(lapsed, SWITZERLAND, uint40(START - 1), PERMITTED);
        register(frozen, SWITZERLAND, EXPIRY, PERMITTED);
        vm.prank(compliance);
        token.setAddressFrozen(frozen, true);
        skips(1, stranger, 1 ether, 1);
        skips(2, address(0), 1 ether, 1);
        skips(3, address(token), 1 ether, 1);
        skips(4, frozen, 1 ether, 2);
        skips(5, lapsed, 1 ether, 3);
        skips(6, chinese, 1 ether, 4);
        skips(7, alice, 0, 5);
        eq(token.totalSupply(), 0, "nothing was minted");
    }

    function skips(uint64 id, address account, uint96 amount, uint8 reason) private {
        vm.expectEmit(address(token));
        emit OrderRejected(id, account, reason);
        mint(id, account, amount);
        ok(!token.isExecuted(id), "a rejected id stays unused");
    }

    function test_a_rejected_order_does_not_stop_the_others_and_can_be_minted_later() public {
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](3);
        orders[0] = IEtfToken.Order(1, alice, 1 ether);
        orders[1] = IEtfToken.Order(2, stranger, 1 ether);
        orders[2] = IEtfToken.Order(3, bob, 1 ether);
        vm.prank(issuer);
        token.mintBatch(orders);
        eq(token.totalSupply(), 2 ether, "two of three");
        register(stranger, SWITZERLAND, EXPIRY, PERMITTED);
        mint(2, stranger, 1 ether);
        eq(token.balanceOf(stranger), 1 ether, "later");
    }

    function test_a_holder_may_receive_in_the_last_second_of_its_kyc() public {
        register(alice, SWITZERLAND, uint40(START), PERMITTED);
        mint(1, alice, 1 ether);
        eq(token.balanceOf(alice), 1 ether, "in its last second");
        vm.warp(START + 1);
        skips(2, alice, 1 ether, 3);
    }

    function test_supply_never_passes_the_cap() public {
        mint(1, alice, 1_000 ether);
        refuses(abi.encodeWithSelector(IEtfToken.CapExceeded.selector, 2, 1_000 ether + 1, 1_000 ether));
        mint(2, alice, 1);
    }

    function test_an_old_attestation_mints_nothing() public {
        vm.warp(START - 10 + 26 hours);
        mint(1, alice, 1);
        vm.warp(START - 10 + 26 hours + 1);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationStale.selector, START - 10, 26 hours));
        mint(2, alice, 1);
    }

    function test_only_the_issuer_mints_burns_and_cancels() public {
        bytes32 role = keccak256("ISSUER");
        address[4] memory others = [admin, compliance, attestor, alice];
        for (uint256 i; i < others.length; ++i) {
            vm.startPrank(others[i]);
            lacks(others[i], role);
            token.mintBatch(one(1, alice, 1));
            lacks(others[i], role);
            token.burnOrder(1, alice, 1);
            lacks(others[i], role);
            token.burnBatch(one(1, alice, 1));
            lacks(others[i], role);
            token.cancelRedeem(1, alice);
            vm.stopPrank();
        }
    }

    function test_a_redeem_request_moves_tokens_into_escrow() public {
        mint(1, alice, 10 ether);
        vm.expectEmit(address(token));
        emit RedeemRequested(2, alice, 4 ether);
        request(alice, 2, 4 ether);
        eq(token.balanceOf(alice), 6 ether, "holder");
        eq(token.balanceOf(address(token)), 4 ether, "escrow");
        eq(token.totalSupply(), 10 ether, "supply");
        eq(token.redemption(2, alice), 4 ether, "redemption");
    }

    function test_a_burn_destroys_the_escrow_once() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 4 ether);
        vm.expectEmit(address(token));
        emit OrderBurned(2, alice, 4 ether);
        vm.prank(issuer);
        token.burnOrder(2, alice, 4 ether);
        eq(token.totalSupply(), 6 ether, "supply");
        eq(token.balanceOf(address(token)), 0, "escrow");
        eq(token.redemption(2, alice), 0, "redemption");
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 2));
        vm.prank(issuer);
        token.burnOrder(2, alice, 4 ether);
    }

    function test_a_burn_must_match_holder_and_amount() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 4 ether);
        vm.startPrank(issuer);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 2, alice, 4 ether));
        token.burnOrder(2, alice, 4 ether - 1);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 2, alice, 4 ether));
        token.burnOrder(2, alice, 4 ether + 1);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 2, bob, 0));
        token.burnOrder(2, bob, 4 ether);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 3, alice, 0));
        token.burnOrder(3, alice, 0);
        vm.stopPrank();
    }

    function test_a_batch_burn_is_all_or_nothing() public {
        mint(1, alice, 10 ether);
        mint(2, bob, 10 ether);
        request(alice, 3, 1 ether);
        request(bob, 4, 2 ether);
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](2);
        orders[0] = IEtfToken.Order(3, alice, 1 ether);
        orders[1] = IEtfToken.Order(4, bob, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 4, bob, 2 ether));
        vm.prank(issuer);
        token.burnBatch(orders);
        orders[1].amount = 2 ether;
        vm.prank(issuer);
        token.burnBatch(orders);
        eq(token.totalSupply(), 17 ether, "supply");
    }

    function test_a_mints_id_cannot_be_burned_nor_a_burns_id_minted() public {
        mint(1, alice, 10 ether);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 1));
        request(alice, 1, 1 ether);
        request(alice, 2, 1 ether);
        vm.prank(issuer);
        token.burnOrder(2, alice, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 2));
        mint(2, alice, 1 ether);
    }

    function test_a_cancelled_redeem_returns_the_tokens_once_even_to_a_frozen_holder() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 4 ether);
        vm.prank(compliance);
        token.setAddressFrozen(alice, true);
        vm.expectEmit(address(token));
        emit RedeemCancelled(2, alice, 4 ether);
        vm.prank(issuer);
        token.cancelRedeem(2, alice);
        eq(token.balanceOf(alice), 10 ether, "returned");
        ok(!token.isExecuted(2), "the id stays unused");
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionMismatch.selector, 2, alice, 0));
        vm.prank(issuer);
        token.cancelRedeem(2, alice);
    }

    function test_a_second_request_under_the_same_id_is_refused() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.RedemptionExists.selector, 2, alice));
        request(alice, 2, 1 ether);
    }

    function test_a_holder_cannot_block_anothers_id() public {
        mint(1, alice, 10 ether);
        mint(2, bob, 10 ether);
        request(bob, 3, 1);
        request(alice, 3, 4 ether);
        vm.startPrank(issuer);
        token.burnOrder(3, alice, 4 ether);
        token.cancelRedeem(3, bob);
        vm.stopPrank();
        eq(token.balanceOf(bob), 10 ether, "bob lost nothing");
        // And an id that a holder touched can still be minted.
        request(bob, 4, 1);
        mint(4, alice, 1 ether);
        vm.prank(issuer);
        token.cancelRedeem(4, bob);
    }

    function test_requests_beyond_what_is_free_are_refused() public {
        mint(1, alice, 10 ether);
        refuses(abi.encodeWithSelector(IEtfToken.AmountZero.selector));
        request(alice, 2, 0);
        refuses(abi.encodeWithSignature("ERC20InsufficientBalance(address,uint256,uint256)", alice, 10 ether, 11 ether));
        request(alice, 2, 11 ether);
        vm.prank(compliance);
        token.setFrozenTokens(alice, 7 ether);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943InsufficientUnfrozenBalance.selector, alice, 4 ether, 3 ether));
        request(alice, 2, 4 ether);
        request(alice, 2, 3 ether);
        vm.prank(compliance);
        token.setAddressFrozen(alice, true);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotSend.selector, alice));
        request(alice, 3, 1);
    }

    function test_exit_stays_open_when_entry_has_closed() public {
        mint(1, alice, 10 ether);
        vm.prank(compliance);
        token.setRestricted(countries(SWITZERLAND), true);
        vm.warp(EXPIRY + 1);
        request(alice, 2, 10 ether);
        vm.prank(issuer);
        token.burnOrder(2, alice, 10 ether);
        eq(token.totalSupply(), 0, "left");
    }

    function testFuzz_mint_then_redeem_in_parts(uint96 amount, uint96 part, uint64 id) public {
        vm.assume(id < type(uint64).max);
        amount = uint96(bound(amount, 1, 1_000 ether));
        part = uint96(bound(part, 1, amount));
        mint(id, alice, amount);
        request(alice, id + 1, part);
        vm.prank(issuer);
        token.burnOrder(id + 1, alice, part);
        eq(token.totalSupply(), amount - part, "supply");
        eq(token.balanceOf(alice), amount - part, "balance");
        ok(token.isExecuted(id) && token.isExecuted(id + 1), "ids");
    }
}
