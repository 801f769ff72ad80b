// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC8056, IERC8056Balances, IERC8056Pending} from "../src/IERC8056.sol";

contract SplitsTest is Deployed {
    uint40 internal constant AT = uint40(START + 1 days);

    function setUp() public {
        open();
        mint(1, alice, 100 ether);
    }

    event UIMultiplierUpdated(uint256 oldMultiplier, uint256 newMultiplier, uint256 effectiveAtTimestamp);

    function schedule(uint256 multiplier, uint256 time) private {
        vm.prank(admin);
        token.setUIMultiplier(multiplier, time);
    }

    function cap() private view returns (uint96 cap_) {
        (, cap_,,,) = token.reserves();
    }

    function test_one_token_is_one_share_until_a_split() public view {
        ok(token.uiMultiplier() == 1e18 && token.newUIMultiplier() == 1e18 && token.effectiveAt() == 0, "one");
        ok(token.balanceOfUI(alice) == 100 ether && token.totalSupplyUI() == 100 ether, "as raw");
    }

    function test_a_split_scales_what_is_shown_from_its_second_on() public {
        vm.expectEmit(address(token));
        emit UIMultiplierUpdated(1e18, 2e18, AT);
        schedule(2e18, AT);
        ok(token.newUIMultiplier() == 2e18 && token.effectiveAt() == AT, "ahead");
        vm.warp(AT - 1);
        ok(token.uiMultiplier() == 1e18 && token.balanceOfUI(alice) == 100 ether, "before");
        vm.warp(AT);
        ok(token.uiMultiplier() == 2e18 && token.balanceOfUI(alice) == 200 ether, "from then on");
        eq(token.totalSupplyUI(), 200 ether, "supply too");
        ok(token.balanceOf(alice) == 100 ether && token.totalSupply() == 100 ether, "raw figures never move");
    }

    function test_a_split_voids_the_attestation_until_a_figure_from_after_it() public {
        schedule(2e18, AT);
        vm.warp(AT - 1);
        attest(1_000 ether, AT - 1);
        eq(cap(), 1_000 ether, "before the split a token is a share");
        mint(2, alice, 1 ether);
        vm.warp(AT);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationVoid.selector, AT));
        mint(3, alice, 1 ether);
        vm.warp(AT + 10);
        bytes memory signature = signed(1_500 ether, AT, ATTESTOR_KEY);
        token.attest(1_500 ether, AT, "report", attestor, signature);
        eq(cap(), 750 ether, "shares divided by the multiplier");
        mint(3, alice, 1 ether);
    }

    function test_a_figure_from_before_a_split_cannot_arrive_after_it() public {
        schedule(2e18, AT);
        vm.warp(AT + 5);
        bytes memory signature = signed(2_000 ether, AT - 1, ATTESTOR_KEY);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationVoid.selector, AT));
        token.attest(2_000 ether, AT - 1, "report", attestor, signature);
    }

    function test_a_reverse_split_rounds_the_cap_down_and_never_over_its_field() public {
        schedule(0.3e18, AT);
        vm.warp(AT);
        attest(1 ether, AT);
        eq(cap(), 3_333_333_333_333_333_333, "rounded down");
        vm.warp(AT + 1);
        bytes memory signature = signed(type(uint96).max, AT + 1, ATTESTOR_KEY);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationTooLarge.selector, type(uint96).max));
        token.attest(type(uint96).max, AT + 1, "report", attestor, signature);
    }

    function test_a_split_ahead_can_be_replaced_but_not_one_in_force_and_unattested() public {
        schedule(2e18, AT);
        schedule(3e18, AT + 100);
        vm.warp(AT);
        eq(token.uiMultiplier(), 1e18, "the first one was replaced");
        mint(2, alice, 1 ether);
        vm.warp(AT + 100);
        vm.startPrank(admin);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationVoid.selector, AT + 100));
        token.setUIMultiplier(4e18, AT + 200);
        vm.stopPrank();
        attest(900 ether, AT + 100);
        schedule(6e18, AT + 200);
        ok(token.uiMultiplier() == 3e18 && cap() == 300 ether, "the second one is current");
    }

    function test_bad_multipliers_and_times_are_refused() public {
        vm.startPrank(admin);
        refuses(abi.encodeWithSelector(IEtfToken.MultiplierInvalid.selector, 0));
        token.setUIMultiplier(0, AT);
        uint256 large = uint256(1) << 104;
        refuses(abi.encodeWithSelector(IEtfToken.MultiplierInvalid.selector, large));
        token.setUIMultiplier(large, AT);
        refuses(abi.encodeWithSelector(IEtfToken.SplitTimeInvalid.selector, START));
        token.setUIMultiplier(2e18, START);
        refuses(abi.encodeWithSelector(IEtfToken.SplitTimeInvalid.selector, uint256(1) << 40));
        token.setUIMultiplier(2e18, uint256(1) << 40);
        vm.stopPrank();
        lacks(compliance, bytes32(0));
        vm.prank(compliance);
        token.setUIMultiplier(2e18, AT);
    }

    function test_pauses_keep_the_split_and_show_only_themselves() public {
        schedule(2e18, AT);
        vm.prank(pauser);
        token.pause(3);
        (,,,, uint8 flags) = token.reserves();
        eq(flags, 3, "pauses only");
        vm.prank(admin);
        token.unpause(3);
        (,,,, flags) = token.reserves();
        eq(flags, 0, "none");
        vm.warp(AT);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationVoid.selector, AT));
        mint(2, alice, 1 ether);
    }

    function test_burning_and_transfers_go_on_across_a_split() public {
        schedule(2e18, AT);
        vm.warp(AT);
        vm.prank(alice);
        token.transfer(bob, 1 ether);
        request(alice, 2, 1 ether);
        vm.prank(issuer);
        token.burnOrder(2, alice, 1 ether);
        eq(token.totalSupply(), 99 ether, "burned");
    }

    function testFuzz_the_cap_is_the_shares_divided(uint96 shares, uint104 multiplier) public {
        multiplier = uint104(bound(multiplier, 1e9, 1e27));
        shares = uint96(bound(shares, 0, 1e19));
        schedule(multiplier, AT);
        vm.warp(AT);
        attest(shares, AT);
        eq(cap(), uint256(shares) * 1e18 / multiplier, "cap");
        ok(uint256(cap()) * multiplier / 1e18 <= shares, "never more than is there");
    }

    function test_the_interfaces_are_declared() public view {
        ok(type(IERC8056).interfaceId == bytes4(0xa60bf13d), "core");
        ok(type(IERC8056Pending).interfaceId == bytes4(0x4bd27648), "pending");
        ok(type(IERC8056Balances).interfaceId == bytes4(0xd890fd71), "balances");
        ok(token.supportsInterface(0xa60bf13d) && token.supportsInterface(0x4bd27648), "declared");
        ok(token.supportsInterface(0xd890fd71), "declared");
    }
}
