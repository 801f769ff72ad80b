// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deployed} from "./Deployed.sol";
import {ComplianceFacade} from "../src/ComplianceFacade.sol";

contract FacadeTest is Deployed {
    uint40 internal constant YEAR = 365 days;

    ComplianceFacade internal facade;
    address internal carol = address(0xCA);

    function setUp() public {
        open();
        facade = new ComplianceFacade(token, YEAR);
        vm.prank(admin);
        token.grantRole(keccak256("COMPLIANCE"), address(facade));
    }

    event IdentityRegistered(address indexed investorAddress, address indexed identity);

    function test_a_registration_is_a_holder_of_the_token() public {
        vm.expectEmit(address(facade));
        emit IdentityRegistered(carol, carol);
        vm.prank(compliance);
        facade.registerIdentity(carol, address(0), SWITZERLAND);
        (,, uint256 country, uint256 expiry, uint256 flags) = token.holder(carol);
        ok(country == SWITZERLAND && expiry == START + YEAR && flags == PERMITTED, "holder");
        ok(facade.contains(carol) && facade.isVerified(carol) && facade.identity(carol) == carol, "registry");
        eq(facade.investorCountry(carol), SWITZERLAND, "country");
        mint(1, carol, 1 ether);
        eq(token.balanceOf(carol), 1 ether, "holds");
    }

    function test_many_are_registered_at_once() public {
        address[] memory users = new address[](2);
        (users[0], users[1]) = (carol, stranger);
        uint16[] memory lands = new uint16[](2);
        (lands[0], lands[1]) = (SWITZERLAND, 344);
        vm.startPrank(compliance);
        facade.batchRegisterIdentity(users, users, lands);
        ok(facade.isVerified(carol) && facade.isVerified(stranger), "both");
        refuses(abi.encodeWithSelector(ComplianceFacade.LengthsDiffer.selector));
        facade.batchRegisterIdentity(users, users, new uint16[](1));
        refuses(abi.encodeWithSelector(ComplianceFacade.LengthsDiffer.selector));
        facade.batchRegisterIdentity(users, new address[](1), lands);
        vm.stopPrank();
    }

    function test_only_the_tokens_compliance_writes() public {
        address[4] memory others = [admin, issuer, carol, address(facade)];
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(others[i]);
            refusesCaller(others[i]);
            facade.registerIdentity(carol, carol, SWITZERLAND);
            refusesCaller(others[i]);
            facade.deleteIdentity(alice);
            refusesCaller(others[i]);
            facade.updateCountry(alice, 344);
            refusesCaller(others[i]);
            facade.updateIdentity(alice, alice);
            refusesCaller(others[i]);
            facade.batchRegisterIdentity(new address[](0), new address[](0), new uint16[](0));
            vm.stopPrank();
        }
        ok(facade.isAgent(compliance) && !facade.isAgent(admin), "agents");
    }

    function refusesCaller(address account) private {
        refuses(abi.encodeWithSelector(ComplianceFacade.NotCompliance.selector, account));
    }

    function test_without_the_role_it_writes_nothing() public {
        vm.prank(admin);
        token.revokeRole(keccak256("COMPLIANCE"), address(facade));
        lacks(address(facade), keccak256("COMPLIANCE"));
        vm.prank(compliance);
        facade.registerIdentity(carol, carol, SWITZERLAND);
    }

    function test_countries_and_removals_keep_the_balance() public {
        mint(1, alice, 5 ether);
        vm.startPrank(compliance);
        facade.updateCountry(alice, CHINA);
        ok(facade.contains(alice) && !facade.isVerified(alice), "restricted");
        facade.updateCountry(alice, SWITZERLAND);
        facade.deleteIdentity(alice);
        ok(!facade.contains(alice) && facade.identity(alice) == address(0), "removed");
        eq(token.balanceOf(alice), 5 ether, "balance");
        refuses(abi.encodeWithSelector(ComplianceFacade.AccountUnknown.selector, alice));
        facade.deleteIdentity(alice);
        refuses(abi.encodeWithSelector(ComplianceFacade.AccountUnknown.selector, carol));
        facade.updateCountry(carol, SWITZERLAND);
        refuses(abi.encodeWithSelector(ComplianceFacade.AccountUnknown.selector, carol));
        facade.updateIdentity(carol, carol);
        vm.stopPrank();
    }

    function test_a_protocol_stays_one_and_needs_no_expiry() public {
        register(stranger, 344, 0, PERMITTED | PROTOCOL);
        ok(facade.isVerified(stranger), "no expiry");
        vm.prank(compliance);
        facade.updateCountry(stranger, SWITZERLAND);
        (,,,, uint256 flags) = token.holder(stranger);
        eq(flags, PERMITTED | PROTOCOL, "still");
        register(stranger, 344, 0, PERMITTED);
        ok(!facade.isVerified(stranger), "a person needs one");
    }

    function test_foreign_identities_are_refused() public {
        vm.startPrank(compliance);
        refuses(abi.encodeWithSelector(ComplianceFacade.IdentityNotKept.selector, bob));
        facade.registerIdentity(carol, bob, SWITZERLAND);
        refuses(abi.encodeWithSelector(ComplianceFacade.IdentityNotKept.selector, bob));
        facade.updateIdentity(alice, bob);
        facade.updateIdentity(alice, alice);
        vm.stopPrank();
    }

    function test_its_compliance_is_the_tokens() public {
        mint(1, alice, 5 ether);
        ok(facade.canTransfer(alice, bob, 1), "able");
        ok(!facade.canTransfer(alice, carol, 1), "unable");
        ok(facade.isTokenBound(address(token)) && !facade.isTokenBound(carol), "bound");
        ok(facade.getTokenBound() == address(token), "bound");
        ok(facade.identityStorage() == address(facade), "its own");
        ok(facade.issuersRegistry() == address(0) && facade.topicsRegistry() == address(0), "none");
    }

    function test_what_the_token_does_by_itself_is_refused() public {
        bytes[8] memory calls = [
            abi.encodeCall(facade.bindToken, (carol)),
            abi.encodeCall(facade.unbindToken, (address(token))),
            abi.encodeCall(facade.transferred, (alice, bob, 1)),
            abi.encodeCall(facade.created, (alice, 1)),
            abi.encodeCall(facade.destroyed, (alice, 1)),
            abi.encodeCall(facade.setIdentityRegistryStorage, (carol)),
            abi.encodeCall(facade.setClaimTopicsRegistry, (carol)),
            abi.encodeCall(facade.setTrustedIssuersRegistry, (carol))
        ];
        for (uint256 i; i < calls.length; ++i) {
            (bool done, bytes memory answer) = address(facade).call(calls[i]);
            ok(!done && bytes4(answer) == ComplianceFacade.NotSupported.selector, "refused");
        }
    }
}
