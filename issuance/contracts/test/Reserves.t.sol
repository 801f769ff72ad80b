// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {EtfToken} from "../src/EtfToken.sol";
import {EtfTokenProxy} from "../src/EtfTokenProxy.sol";
import {IEtfToken} from "../src/IEtfToken.sol";
import {IERC7943} from "../src/IERC7943.sol";

/// @dev A contract wallet that accepts one signature (ERC-1271).
contract ContractAttestor {
    bytes32 private immutable accepted;

    constructor(bytes memory signature) {
        accepted = keccak256(signature);
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        return keccak256(signature) == accepted ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

contract NextToken is EtfToken {
    function version() external pure returns (uint256) {
        return 2;
    }
}

contract ReservesTest is Deployed {
    function setUp() public {
        open();
    }

    event Attested(address indexed attestor, uint256 shares, uint40 asOf, bytes32 reportHash);
    event ReserveDeficit(uint256 supply, uint256 cap);

    function test_an_attestation_sets_the_cap() public {
        vm.expectEmit(address(token));
        emit Attested(attestor, 2_000 ether, uint40(START), "report");
        attest(2_000 ether, uint40(START));
        (uint96 supply, uint96 cap, uint40 asOf, uint16 minutes_, uint8 flags) = token.reserves();
        ok(supply == 0 && cap == 2_000 ether && asOf == START && minutes_ == 26 * 60 && flags == 0, "reserves");
    }

    function test_an_attestation_must_be_newer_and_not_of_the_future() public {
        refusesAttestation(
            uint40(START - 10), abi.encodeWithSelector(IEtfToken.AttestationNotNewer.selector, START - 10, START - 10)
        );
        refusesAttestation(
            uint40(START - 11), abi.encodeWithSelector(IEtfToken.AttestationNotNewer.selector, START - 11, START - 10)
        );
        refusesAttestation(
            uint40(START + 1), abi.encodeWithSelector(IEtfToken.AttestationFromFuture.selector, START + 1, START)
        );
    }

    function refusesAttestation(uint40 asOf, bytes memory reason) private {
        bytes memory signature = signed(1, asOf, ATTESTOR_KEY);
        refuses(reason);
        token.attest(1, asOf, "report", attestor, signature);
    }

    function test_a_figure_beyond_u96_is_refused() public {
        uint256 shares = uint256(1) << 96;
        bytes memory signature = signed(shares, uint40(START), ATTESTOR_KEY);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationTooLarge.selector, shares));
        token.attest(shares, uint40(START), "report", attestor, signature);
    }

    function test_only_the_attestors_signature_of_these_fields_counts() public {
        uint40 asOf = uint40(START);
        bytes memory foreign = signed(1 ether, asOf, 0xBAD);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, attestor));
        token.attest(1 ether, asOf, "report", attestor, foreign);
        address other = vm.addr(0xBAD);
        refuses(abi.encodeWithSelector(IEtfToken.NotAttestor.selector, other));
        token.attest(1 ether, asOf, "report", other, foreign);
        bytes memory good = signed(1 ether, asOf, ATTESTOR_KEY);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, attestor));
        token.attest(2 ether, asOf, "report", attestor, good);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, attestor));
        token.attest(1 ether, asOf, "another", attestor, good);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, attestor));
        token.attest(1 ether, asOf, "report", attestor, "");
        token.attest(1 ether, asOf, "report", attestor, good);
    }

    function test_a_signature_for_another_token_is_worthless() public {
        EtfToken other = EtfToken(address(new EtfTokenProxy(address(new EtfToken()), initialization())));
        bytes memory signature = signed(1 ether, uint40(START), ATTESTOR_KEY);
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, attestor));
        other.attest(1 ether, uint40(START), "report", attestor, signature);
    }

    function test_a_contract_may_attest() public {
        ContractAttestor wallet = new ContractAttestor("the board has voted");
        vm.prank(admin);
        token.grantRole(keccak256("ATTESTOR"), address(wallet));
        refuses(abi.encodeWithSelector(IEtfToken.SignatureInvalid.selector, address(wallet)));
        token.attest(5 ether, uint40(START), "report", address(wallet), "the board has not voted");
        token.attest(5 ether, uint40(START), "report", address(wallet), "the board has voted");
        (, uint96 cap,,,) = token.reserves();
        eq(cap, 5 ether, "cap");
    }

    function test_a_deficit_is_announced_closes_minting_and_leaves_burning_open() public {
        mint(1, alice, 100 ether);
        request(alice, 2, 60 ether);
        bytes memory signature = signed(50 ether, uint40(START), ATTESTOR_KEY);
        vm.expectEmit(address(token));
        emit ReserveDeficit(100 ether, 50 ether);
        token.attest(50 ether, uint40(START), "report", attestor, signature);
        refuses(abi.encodeWithSelector(IEtfToken.CapExceeded.selector, 3, 100 ether + 1, 50 ether));
        mint(3, alice, 1);
        vm.prank(issuer);
        token.burnOrder(2, alice, 60 ether);
        mint(3, alice, 10 ether);
        eq(token.totalSupply(), 50 ether, "supply");
    }

    function test_the_age_limit_is_the_admins() public {
        lacks(issuer, bytes32(0));
        vm.prank(issuer);
        token.setMaxAge(1);
        vm.startPrank(admin);
        refuses(abi.encodeWithSelector(IEtfToken.MaxAgeInvalid.selector));
        token.setMaxAge(0);
        token.setMaxAge(1);
        vm.stopPrank();
        vm.warp(START + 51);
        refuses(abi.encodeWithSelector(IEtfToken.AttestationStale.selector, START - 10, 60));
        mint(1, alice, 1);
    }

    function test_pauses_are_apart_and_only_the_admin_resumes() public {
        mint(1, alice, 10 ether);
        request(alice, 2, 1 ether);
        vm.prank(pauser);
        token.pause(1);
        refuses(abi.encodeWithSelector(IEtfToken.MintIsPaused.selector));
        mint(3, alice, 1);
        vm.prank(alice);
        token.transfer(bob, 1 ether);
        vm.prank(pauser);
        token.pause(2);
        ok(token.paused() && !token.canSend(alice) && !token.canReceive(bob), "paused");
        ok(!token.canTransfer(alice, bob, 1), "view");
        refuses(abi.encodeWithSelector(IEtfToken.TransferIsPaused.selector));
        vm.prank(alice);
        token.transfer(bob, 1 ether);
        refuses(abi.encodeWithSelector(IEtfToken.TransferIsPaused.selector));
        request(alice, 4, 1 ether);
        vm.prank(issuer);
        token.burnOrder(2, alice, 1 ether);
        lacks(pauser, bytes32(0));
        vm.prank(pauser);
        token.unpause(3);
        vm.prank(admin);
        token.unpause(3);
        mint(3, alice, 1);
        lacks(admin, keccak256("PAUSER"));
        vm.prank(admin);
        token.pause(1);
        vm.startPrank(pauser);
        refuses(abi.encodeWithSelector(IEtfToken.PauseInvalid.selector, 0));
        token.pause(0);
        refuses(abi.encodeWithSelector(IEtfToken.PauseInvalid.selector, 4));
        token.pause(4);
        vm.stopPrank();
    }

    function test_nobody_is_issuer_and_attestor() public {
        vm.startPrank(admin);
        refuses(abi.encodeWithSelector(IEtfToken.RolesConflict.selector, attestor));
        token.grantRole(keccak256("ISSUER"), attestor);
        refuses(abi.encodeWithSelector(IEtfToken.RolesConflict.selector, issuer));
        token.grantRole(keccak256("ATTESTOR"), issuer);
        token.revokeRole(keccak256("ISSUER"), issuer);
        token.grantRole(keccak256("ATTESTOR"), issuer);
        vm.stopPrank();
    }

    function test_nobody_initialises_twice_nor_the_implementation() public {
        IEtfToken.RoleGrant[] memory grants;
        vm.expectRevert();
        token.initialize("x", "x", 1, 1, countries(CHINA), grants);
        EtfToken bare = new EtfToken();
        vm.expectRevert();
        bare.initialize("x", "x", 1, 1, countries(CHINA), grants);
    }

    function test_an_upgrade_keeps_the_books_and_needs_its_role() public {
        mint(1, alice, 10 ether);
        address next = address(new NextToken());
        lacks(admin, keccak256("UPGRADER"));
        vm.prank(admin);
        token.upgradeToAndCall(next, "");
        vm.prank(upgrader);
        token.upgradeToAndCall(next, "");
        eq(NextToken(address(token)).version(), 2, "code");
        eq(token.balanceOf(alice), 10 ether, "balance");
        ok(token.isExecuted(1) && token.isRestricted(CHINA), "books");
    }

    function test_the_storage_stands_where_erc7201_puts_it() public {
        mint(1, alice, 10 ether);
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("sharemint.EtfToken")) - 1)) & ~bytes32(uint256(0xff));
        uint256 book = uint256(vm.load(address(token), slot));
        eq(uint96(book), 10 ether, "supply is the lowest 96 bits");
        eq(uint96(book >> 96), 1_000 ether, "cap beside it");
        eq(uint40(book >> 192), START - 10, "asOf");
        eq(uint16(book >> 232), 26 * 60, "age limit");
        bytes32 holder = keccak256(abi.encode(alice, uint256(slot) + 1));
        eq(uint96(uint256(vm.load(address(token), holder))), 10 ether, "holder");
    }

    function test_interfaces_are_declared() public view {
        ok(type(IERC7943).interfaceId == bytes4(0x3edbb4c4), "ERC-7943 is Final under this id");
        ok(token.supportsInterface(0x3edbb4c4), "ERC-7943");
        ok(token.supportsInterface(0x01ffc9a7), "ERC-165");
        ok(token.supportsInterface(0x36372b07), "ERC-20");
        ok(token.supportsInterface(0x9d8ff7da), "ERC-2612");
        ok(token.supportsInterface(0x7965db0b), "AccessControl");
        ok(!token.supportsInterface(0xffffffff), "not everything");
        eq(token.decimals(), 18, "decimals");
    }

    function test_a_permit_approves_without_gas() public {
        uint256 key = 0xB0B;
        address owner = vm.addr(key);
        bytes32 struct_ = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                stranger,
                5 ether,
                0,
                START + 1
            )
        );
        bytes32 digest_ = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), struct_));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest_);
        token.permit(owner, stranger, 5 ether, START + 1, v, r, s);
        eq(token.allowance(owner, stranger), 5 ether, "allowance");
        vm.expectRevert();
        token.permit(owner, stranger, 5 ether, START + 1, v, r, s);
    }
}
