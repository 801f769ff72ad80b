// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {IEtfToken} from "../src/IEtfToken.sol";

contract LimitsTest is Deployed {
    function setUp() public {
        open();
        attest(1_000_000 ether, uint40(START - 1));
    }

    event MintLimitSet(address indexed issuer, uint256 limit);

    function available() private view returns (uint256 now_) {
        (now_,) = token.mintAllowance(issuer);
    }

    function test_an_issuer_starts_with_the_whole_limit() public view {
        (uint256 now_, uint256 limit) = token.mintAllowance(issuer);
        ok(now_ == DAILY_LIMIT && limit == DAILY_LIMIT, "full");
        (now_, limit) = token.mintAllowance(stranger);
        ok(now_ == 0 && limit == 0, "nobody else has one");
    }

    function test_a_mint_beyond_what_is_left_reverts() public {
        mint(1, alice, DAILY_LIMIT - 1);
        eq(available(), 1, "left");
        refuses(abi.encodeWithSelector(IEtfToken.MintLimitExceeded.selector, issuer, 2, 1));
        mint(2, alice, 2);
        ok(!token.isExecuted(2), "unused");
        mint(2, alice, 1);
        refuses(abi.encodeWithSelector(IEtfToken.MintLimitExceeded.selector, issuer, 1, 0));
        mint(3, alice, 1);
    }

    function test_a_batch_counts_as_its_sum_without_the_rejected() public {
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](3);
        orders[0] = IEtfToken.Order(1, alice, 3_000 ether);
        orders[1] = IEtfToken.Order(2, stranger, 3_000 ether);
        orders[2] = IEtfToken.Order(3, bob, 2_000 ether);
        vm.prank(issuer);
        token.mintBatch(orders);
        eq(available(), 0, "three and two thousand");
    }

    function test_the_limit_refills_evenly_in_a_day_and_no_further() public {
        mint(1, alice, DAILY_LIMIT);
        vm.warp(START + 6 hours);
        eq(available(), DAILY_LIMIT / 4, "a quarter");
        mint(2, alice, DAILY_LIMIT / 4);
        vm.warp(START + 12 hours);
        eq(available(), DAILY_LIMIT / 4, "another");
        vm.warp(START + 20 days);
        eq(available(), DAILY_LIMIT, "full");
    }

    function testFuzz_no_sequence_of_mints_passes_the_refill(uint256 seed) public {
        uint256 minted;
        for (uint64 i = 1; i <= 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            vm.warp(START + uint256(i) * 1 hours);
            uint256 left = available();
            uint96 amount = uint96(bound(seed, 1, left + 1));
            if (amount > left) {
                refuses(abi.encodeWithSelector(IEtfToken.MintLimitExceeded.selector, issuer, amount, left));
                mint(i, alice, amount);
                continue;
            }
            mint(i, alice, amount);
            minted += amount;
            ok(minted <= DAILY_LIMIT + DAILY_LIMIT * i / 24, "full at the start, then a share of the day");
        }
    }

    function test_burning_gives_nothing_back() public {
        mint(1, alice, DAILY_LIMIT);
        request(alice, 2, DAILY_LIMIT);
        vm.prank(issuer);
        token.burnOrder(2, alice, DAILY_LIMIT);
        eq(available(), 0, "a burn is no allowance");
    }

    function test_issuers_have_a_limit_each_and_lose_it_with_the_role() public {
        address second = address(0x1552);
        vm.prank(admin);
        token.grantRole(keccak256("ISSUER"), second);
        mint(1, alice, DAILY_LIMIT);
        vm.prank(second);
        token.mintBatch(one(2, alice, 1 ether));
        // Granting again what is held already fills nothing up.
        vm.startPrank(admin);
        token.grantRole(keccak256("ISSUER"), issuer);
        eq(available(), 0, "still empty");
        vm.expectEmit(address(token));
        emit MintLimitSet(second, 0);
        token.revokeRole(keccak256("ISSUER"), second);
        vm.stopPrank();
        (uint256 left, uint256 limit) = token.mintAllowance(second);
        ok(left == 0 && limit == 0, "gone");
    }

    function test_the_admin_sets_limits_of_issuers_only() public {
        lacks(issuer, bytes32(0));
        vm.prank(issuer);
        token.setMintLimit(issuer, 1);
        vm.startPrank(admin);
        lacks(stranger, keccak256("ISSUER"));
        token.setMintLimit(stranger, 1);
        vm.expectEmit(address(token));
        emit MintLimitSet(issuer, 7 ether);
        token.setMintLimit(issuer, 7 ether);
        vm.stopPrank();
        refuses(abi.encodeWithSelector(IEtfToken.MintLimitExceeded.selector, issuer, 7 ether + 1, 7 ether));
        mint(1, alice, 7 ether + 1);
        vm.prank(admin);
        token.setMintLimit(issuer, 0);
        refuses(abi.encodeWithSelector(IEtfToken.MintLimitExceeded.selector, issuer, 1, 0));
        mint(1, alice, 1);
    }
}
