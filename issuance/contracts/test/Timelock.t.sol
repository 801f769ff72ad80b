// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {EtfTimelock} from "../src/EtfTimelock.sol";
import {EtfToken} from "../src/EtfToken.sol";

contract SecondToken is EtfToken {
    function version() external pure returns (uint256) {
        return 2;
    }
}

/// @dev The token under a timelock: nothing of the admin's happens unannounced.
contract TimelockTest is Deployed {
    uint256 internal constant DELAY = 2 days;

    EtfTimelock internal timelock;
    address internal board = address(0xB0A2D);
    address internal guard = address(0x6A2D);

    function setUp() public {
        open();
        address[] memory proposers = new address[](1);
        address[] memory executors = new address[](1);
        (proposers[0], executors[0]) = (board, guard);
        timelock = new EtfTimelock(DELAY, proposers, executors);
        vm.startPrank(admin);
        token.grantRole(keccak256("UPGRADER"), address(timelock));
        token.revokeRole(keccak256("UPGRADER"), upgrader);
        token.grantRole(bytes32(0), address(timelock));
        token.renounceRole(bytes32(0), admin);
        vm.stopPrank();
        mint(1, alice, 10 ether);
    }

    function announce(bytes memory data) private {
        vm.prank(board);
        timelock.schedule(address(token), 0, data, bytes32(0), bytes32(0), DELAY);
    }

    function carryOut(bytes memory data) private {
        vm.prank(guard);
        timelock.execute(address(token), 0, data, bytes32(0), bytes32(0));
    }

    function test_an_upgrade_waits_its_delay_and_keeps_the_books() public {
        bytes memory data = abi.encodeCall(token.upgradeToAndCall, (address(new SecondToken()), ""));
        announce(data);
        vm.warp(START + DELAY - 1);
        vm.expectRevert();
        carryOut(data);
        vm.warp(START + DELAY);
        carryOut(data);
        eq(SecondToken(address(token)).version(), 2, "code");
        ok(token.balanceOf(alice) == 10 ether && token.isExecuted(1) && token.isRestricted(CHINA), "books");
        (uint256 left, uint256 limit) = token.mintAllowance(issuer);
        ok(left == DAILY_LIMIT && limit == DAILY_LIMIT, "limits, refilled meanwhile");
        ok(token.uiMultiplier() == 1e18 && token.hasRole(keccak256("ISSUER"), issuer), "split and roles");
    }

    function test_nothing_is_carried_out_unannounced_or_early() public {
        bytes memory data = abi.encodeCall(token.grantRole, (keccak256("ISSUER"), stranger));
        vm.expectRevert();
        carryOut(data);
        vm.prank(board);
        vm.expectRevert();
        timelock.schedule(address(token), 0, data, bytes32(0), bytes32(0), DELAY - 1);
        vm.prank(stranger);
        vm.expectRevert();
        timelock.schedule(address(token), 0, data, bytes32(0), bytes32(0), DELAY);
        announce(data);
        vm.warp(START + DELAY);
        vm.prank(board); // proposes, and does not execute
        vm.expectRevert();
        timelock.execute(address(token), 0, data, bytes32(0), bytes32(0));
        carryOut(data);
        ok(token.hasRole(keccak256("ISSUER"), stranger), "granted");
    }

    function test_an_announced_call_can_be_cancelled() public {
        bytes memory data = abi.encodeCall(token.grantRole, (keccak256("ISSUER"), stranger));
        announce(data);
        bytes32 id = timelock.hashOperation(address(token), 0, data, bytes32(0), bytes32(0));
        vm.prank(board);
        timelock.cancel(id);
        vm.warp(START + DELAY);
        vm.expectRevert();
        carryOut(data);
    }

    function test_the_timelock_cannot_join_issuer_and_attestor_either() public {
        bytes memory data = abi.encodeCall(token.grantRole, (keccak256("ISSUER"), attestor));
        announce(data);
        vm.warp(START + DELAY);
        vm.expectRevert();
        carryOut(data);
    }

    function test_nobody_but_itself_shortens_the_delay() public {
        vm.prank(board);
        vm.expectRevert();
        timelock.updateDelay(0);
        eq(timelock.getMinDelay(), DELAY, "delay");
    }
}
