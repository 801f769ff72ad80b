// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC7943} from "../src/IERC7943.sol";

contract HoldersTest is Deployed {
    function setUp() public {
        open();
    }

    event Frozen(address indexed account, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 value);
    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);

    function test_standing_is_written_without_touching_balance_and_freezes() public {
        mint(1, alice, 10 ether);
        vm.startPrank(compliance);
        token.setFrozenTokens(alice, 3 ether);
        token.setAddressFrozen(alice, true);
        vm.stopPrank();
        register(alice, 344, EXPIRY - 1, PERMITTED | PROTOCOL);
        (uint256 balance, uint256 frozen, uint256 country, uint256 expiry, uint256 flags) = token.holder(alice);
        eq(balance, 10 ether, "balance");
        eq(frozen, 3 ether, "frozen");
        eq(country, 344, "country");
        eq(expiry, EXPIRY - 1, "expiry");
        eq(flags, PERMITTED | PROTOCOL | FROZEN, "a rewrite does not thaw");
    }

    function test_bad_standings_are_refused() public {
        vm.startPrank(compliance);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(0)));
        token.setHolders(entry(address(0), SWITZERLAND, EXPIRY, PERMITTED));
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        token.setHolders(entry(address(token), SWITZERLAND, EXPIRY, PERMITTED));
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, alice));
        token.setHolders(entry(alice, SWITZERLAND, EXPIRY, PERMITTED | FROZEN));
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, alice));
        token.setHolders(entry(alice, SWITZERLAND, EXPIRY, 8));
        refuses(abi.encodeWithSelector(IEtfToken.CountryInvalid.selector, 1024));
        token.setHolders(entry(alice, 1024, EXPIRY, PERMITTED));
        refuses(abi.encodeWithSelector(IEtfToken.CountryInvalid.selector, 0));
        token.setHolders(entry(alice, 0, EXPIRY, PERMITTED));
        vm.stopPrank();
    }

    function test_compliance_alone_writes_holders() public {
        bytes32 role = keccak256("COMPLIANCE");
        address[3] memory others = [admin, issuer, alice];
        for (uint256 i; i < others.length; ++i) {
            vm.startPrank(others[i]);
            lacks(others[i], role);
            token.setHolders(entry(alice, SWITZERLAND, EXPIRY, PERMITTED));
            lacks(others[i], role);
            token.setAddressFrozen(alice, true);
            lacks(others[i], role);
            token.setFrozenTokens(alice, 1);
            lacks(others[i], role);
            token.forcedTransfer(alice, bob, 1);
            lacks(others[i], role);
            token.setRestricted(countries(SWITZERLAND), true);
            vm.stopPrank();
        }
    }

    function test_both_ends_of_a_transfer_are_checked() public {
        mint(1, alice, 10 ether);
        refusesTransfer(alice, stranger, IERC7943.ERC7943CannotReceive.selector, stranger);
        register(bob, SWITZERLAND, uint40(START - 1), PERMITTED);
        refusesTransfer(alice, bob, IERC7943.ERC7943CannotReceive.selector, bob);
        register(bob, CHINA, EXPIRY, PERMITTED);
        refusesTransfer(alice, bob, IERC7943.ERC7943CannotReceive.selector, bob);
        register(bob, SWITZERLAND, EXPIRY, PERMITTED);
        vm.prank(alice);
        token.transfer(bob, 1 ether);
        register(alice, CHINA, EXPIRY, PERMITTED);
        refusesTransfer(alice, bob, IERC7943.ERC7943CannotSend.selector, alice);
        register(alice, SWITZERLAND, uint40(START - 1), PERMITTED);
        refusesTransfer(alice, bob, IERC7943.ERC7943CannotSend.selector, alice);
        register(alice, SWITZERLAND, EXPIRY, 0);
        refusesTransfer(alice, bob, IERC7943.ERC7943CannotSend.selector, alice);
    }

    function refusesTransfer(address from, address to, bytes4 reason, address blamed) private {
        refuses(abi.encodeWithSelector(reason, blamed));
        vm.prank(from);
        token.transfer(to, 1 ether);
        ok(!token.canTransfer(from, to, 1 ether), "the view agrees");
    }

    function test_an_approved_spender_is_bound_by_the_same_rules() public {
        mint(1, alice, 10 ether);
        vm.prank(alice);
        token.approve(stranger, 5 ether);
        vm.prank(stranger);
        token.transferFrom(alice, bob, 2 ether);
        eq(token.allowance(alice, stranger), 3 ether, "allowance");
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, stranger));
        vm.prank(stranger);
        token.transferFrom(alice, stranger, 2 ether);
    }

    function test_a_transfer_to_oneself_changes_nothing() public {
        mint(1, alice, 10 ether);
        vm.prank(alice);
        token.transfer(alice, 4 ether);
        eq(token.balanceOf(alice), 10 ether, "balance");
    }

    function test_nobody_can_send_tokens_into_the_escrow_or_to_zero() public {
        mint(1, alice, 10 ether);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, address(token)));
        vm.prank(alice);
        token.transfer(address(token), 1 ether);
        refuses(abi.encodeWithSignature("ERC20InvalidReceiver(address)", address(0)));
        vm.prank(alice);
        token.transfer(address(0), 1 ether);
    }

    function test_a_protocol_holds_without_kyc_expiry_but_not_when_frozen() public {
        register(stranger, 0, 0, PERMITTED | PROTOCOL);
        mint(1, alice, 10 ether);
        vm.prank(alice);
        token.transfer(stranger, 1 ether);
        vm.prank(compliance);
        token.setAddressFrozen(stranger, true);
        refusesTransfer(alice, stranger, IERC7943.ERC7943CannotReceive.selector, stranger);
        vm.prank(compliance);
        token.setAddressFrozen(stranger, false);
        ok(token.canReceive(stranger), "thawed");
    }

    function test_frozen_tokens_may_exceed_the_balance() public {
        mint(1, alice, 10 ether);
        vm.prank(compliance);
        token.setFrozenTokens(alice, 50 ether);
        eq(token.getFrozenTokens(alice), 50 ether, "frozen");
        refuses(abi.encodeWithSelector(IERC7943.ERC7943InsufficientUnfrozenBalance.selector, alice, 1, 0));
        vm.prank(alice);
        token.transfer(bob, 1);
        ok(!token.canTransfer(alice, bob, 1), "view");
        ok(token.canSend(alice), "the account itself may send");
        refuses(abi.encodeWithSignature("SafeCastOverflowedUintDowncast(uint8,uint256)", 96, uint256(1) << 96));
        vm.prank(compliance);
        token.setFrozenTokens(alice, uint256(1) << 96);
    }

    function test_a_shortage_of_balance_is_no_refusal_of_the_view() public view {
        ok(token.canTransfer(alice, bob, type(uint256).max), "a plain shortage");
    }

    function test_a_forced_transfer_thaws_only_what_it_needs_and_says_so_first() public {
        mint(1, alice, 10 ether);
        vm.startPrank(compliance);
        token.setFrozenTokens(alice, 8 ether);
        token.setAddressFrozen(alice, true);
        vm.expectEmit(address(token));
        emit Frozen(alice, 5 ether);
        vm.expectEmit(address(token));
        emit Transfer(alice, bob, 5 ether);
        vm.expectEmit(address(token));
        emit ForcedTransfer(alice, bob, 5 ether);
        token.forcedTransfer(alice, bob, 5 ether);
        vm.stopPrank();
        eq(token.balanceOf(alice), 5 ether, "balance");
        eq(token.getFrozenTokens(alice), 5 ether, "frozen");
    }

    function test_a_forced_transfer_checks_its_receiver_and_spares_the_escrow() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 5 ether);
        vm.startPrank(compliance);
        refuses(abi.encodeWithSelector(IERC7943.ERC7943CannotReceive.selector, stranger));
        token.forcedTransfer(alice, stranger, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        token.forcedTransfer(address(token), bob, 1 ether);
        refuses(abi.encodeWithSignature("ERC20InsufficientBalance(address,uint256,uint256)", alice, 5 ether, 6 ether));
        token.forcedTransfer(alice, bob, 6 ether);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        token.setAddressFrozen(address(token), true);
        refuses(abi.encodeWithSelector(IEtfToken.HolderInvalid.selector, address(token)));
        token.setFrozenTokens(address(token), 1);
        vm.stopPrank();
    }

    function test_a_forced_transfer_works_while_transfers_are_paused() public {
        mint(1, alice, 10 ether);
        vm.prank(pauser);
        token.pause(2);
        vm.prank(compliance);
        token.forcedTransfer(alice, bob, 1 ether);
        eq(token.balanceOf(bob), 1 ether, "moved");
    }

    function test_countries_are_barred_and_cleared() public {
        ok(token.isRestricted(CHINA) && !token.isRestricted(SWITZERLAND), "as created");
        ok(!token.isRestricted(1024) && !token.isRestricted(type(uint16).max), "views never revert");
        uint16[] memory list = new uint16[](3);
        (list[0], list[1], list[2]) = (1, 344, 1023);
        vm.startPrank(compliance);
        token.setRestricted(list, true);
        ok(token.isRestricted(1) && token.isRestricted(344) && token.isRestricted(1023), "barred");
        token.setRestricted(list, false);
        ok(!token.isRestricted(1) && !token.isRestricted(344) && !token.isRestricted(1023), "cleared");
        ok(token.isRestricted(CHINA), "the others stay");
        refuses(abi.encodeWithSelector(IEtfToken.CountryInvalid.selector, 0));
        token.setRestricted(countries(0), true);
        refuses(abi.encodeWithSelector(IEtfToken.CountryInvalid.selector, 1024));
        token.setRestricted(countries(1024), true);
        vm.stopPrank();
    }

    function testFuzz_a_holder_word_keeps_its_parts(uint96 frozen, uint16 country, uint40 expiry, uint96 amount)
        public
    {
        country = uint16(bound(country, 1, 1023));
        amount = uint96(bound(amount, 1, 1_000 ether));
        mint(1, alice, amount);
        vm.prank(compliance);
        token.setFrozenTokens(alice, frozen);
        register(alice, country, expiry, PERMITTED);
        (uint256 balance, uint256 frozen_, uint256 country_, uint256 expiry_, uint256 flags) = token.holder(alice);
        ok(
            balance == amount && frozen_ == frozen && country_ == country && expiry_ == expiry && flags == PERMITTED,
            "parts"
        );
    }
}
