// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC7943} from "../src/IERC7943.sol";

contract RecoveryTest is Deployed {
    address internal fresh = address(0xF4E5);

    function setUp() public {
        open();
        register(fresh, SWITZERLAND, EXPIRY, PERMITTED);
        mint(1, alice, 10 ether);
    }

    event Frozen(address indexed account, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 value);
    event AddressFrozen(address indexed account, bool indexed isFrozen, address indexed by);
    event OrderRecovered(
        uint64 indexed orderId, address indexed lost, address indexed account, uint256 amount, uint256 frozen
    );

    function recover(uint64 id, address lost, address account) private {
        vm.prank(compliance);
        token.recover(id, lost, account);
    }

    function test_a_recovery_moves_everything_once() public {
        vm.expectEmit(address(token));
        emit Transfer(alice, fresh, 10 ether);
        vm.expectEmit(address(token));
        emit OrderRecovered(2, alice, fresh, 10 ether, 0);
        recover(2, alice, fresh);
        eq(token.balanceOf(fresh), 10 ether, "moved");
        eq(token.balanceOf(alice), 0, "emptied");
        ok(token.isExecuted(2), "consumed");
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 2));
        recover(2, alice, fresh);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 1));
        recover(1, alice, fresh);
        refuses(abi.encodeWithSelector(IEtfToken.OrderAlreadyExecuted.selector, 2));
        mint(2, bob, 1);
    }

    function test_what_was_frozen_stays_frozen_and_is_announced_before_the_move() public {
        vm.startPrank(compliance);
        token.setFrozenTokens(alice, 4 ether);
        token.setFrozenTokens(fresh, 1 ether);
        token.setAddressFrozen(alice, true);
        vm.expectEmit(address(token));
        emit Frozen(alice, 0);
        vm.expectEmit(address(token));
        emit Frozen(fresh, 5 ether);
        vm.expectEmit(address(token));
        emit Transfer(alice, fresh, 10 ether);
        vm.expectEmit(address(token));
        emit AddressFrozen(fresh, true, compliance);
        token.recover(2, alice, fresh);
        vm.stopPrank();
        eq(token.getFrozenTokens(fresh), 5 ether, "frozen part");
        eq(token.getFrozenTokens(alice), 0, "none left");
        ok(!token.canSend(fresh), "frozen altogether");
    }

    function test_frozen_figures_that_add_up_too_high_stay_at_the_top() public {
        vm.startPrank(compliance);
        token.setFrozenTokens(alice, type(uint96).max);
        token.setFrozenTokens(fresh, 1);
        token.recover(2, alice, fresh);
        vm.stopPrank();
        eq(token.getFrozenTokens(fresh), type(uint96).max, "all of it");
        eq(token.balanceOf(fresh), 10 ether, "the balance beside it is whole");
    }

    function test_the_lost_wallet_can_do_nothing_any_more() public {
        recover(2, alice, fresh);
        (,,,, uint256 flags) = token.holder(alice);
        eq(flags, FROZEN, "frozen and not permitted");
        ok(!token.canSend(alice) && !token.canReceive(alice), "shut");
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, alice));
        vm.prank(fresh);
        token.transfer(alice, 1);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotSend.selector, alice));
        request(alice, 9, 1);
    }

    function test_escrow_of_a_lost_wallet_stays_under_its_order() public {
        request(alice, 5, 3 ether);
        request(alice, 6, 2 ether);
        recover(7, alice, fresh);
        eq(token.balanceOf(fresh), 5 ether, "what was not in escrow");
        vm.startPrank(issuer);
        token.burnOrder(5, alice, 3 ether);
        token.cancelRedeem(6, alice);
        vm.stopPrank();
        eq(token.balanceOf(alice), 2 ether, "a cancelled one comes back to the lost wallet");
        recover(8, alice, fresh);
        eq(token.balanceOf(fresh), 7 ether, "and a second recovery fetches it");
        ok(!token.canSend(fresh), "the lost wallet's freeze came along the second time");
        eq(token.totalSupply(), 7 ether, "supply");
    }

    function test_a_recovery_needs_a_receiver_who_may_hold() public {
        refusesReceiver(stranger);
        refusesReceiver(alice);
        refusesReceiver(address(token));
        refusesReceiver(address(0));
        vm.prank(compliance);
        token.setAddressFrozen(bob, true);
        refusesReceiver(bob);
        register(fresh, CHINA, EXPIRY, PERMITTED);
        refusesReceiver(fresh);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        recover(2, address(token), fresh);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(0)));
        recover(2, address(0), fresh);
        ok(!token.isExecuted(2), "the id stays unused");
    }

    function refusesReceiver(address account) private {
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, account));
        recover(2, alice, account);
    }

    function test_only_compliance_recovers_also_while_transfers_are_paused() public {
        address[3] memory others = [issuer, admin, alice];
        for (uint256 i; i < others.length; ++i) {
            lacks(others[i], keccak256("COMPLIANCE"));
            vm.prank(others[i]);
            token.recover(2, alice, fresh);
        }
        vm.prank(pauser);
        token.pause(3);
        recover(2, alice, fresh);
        eq(token.balanceOf(fresh), 10 ether, "moved");
    }

    function test_many_are_frozen_and_thawed_at_once() public {
        address[] memory accounts = new address[](2);
        bool[] memory frozen = new bool[](2);
        (accounts[0], accounts[1]) = (alice, bob);
        (frozen[0], frozen[1]) = (true, true);
        vm.startPrank(compliance);
        token.batchSetAddressFrozen(accounts, frozen);
        ok(!token.canSend(alice) && !token.canSend(bob), "frozen");
        frozen[1] = false;
        token.batchSetAddressFrozen(accounts, frozen);
        ok(!token.canSend(alice) && token.canSend(bob), "one thawed");
        refuses(abi.encodeWithSelector(IEtfToken.LengthsDiffer.selector));
        token.batchSetAddressFrozen(accounts, new bool[](1));
        accounts[1] = address(token);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        token.batchSetAddressFrozen(accounts, frozen);
        vm.stopPrank();
        lacks(issuer, keccak256("COMPLIANCE"));
        vm.prank(issuer);
        token.batchSetAddressFrozen(accounts, frozen);
    }
}
